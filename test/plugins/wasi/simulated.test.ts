import { runsModules, wasmMachine } from "./command-line.ts";

runsModules("simulated", wasmMachine("simulated"));
