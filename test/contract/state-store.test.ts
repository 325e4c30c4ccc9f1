import { SqliteStateStore } from "@nacre/linux/state-store.ts";
import { SimulatedStateStore } from "@nacre/simulated/state-store.ts";
import { stateStoreContract } from "./state-store.ts";
import { temporaryDirectory } from "./temporary.ts";

stateStoreContract("linux", async () => new SqliteStateStore(`${temporaryDirectory()}/state.db`));
stateStoreContract("simulated", async () => new SimulatedStateStore());
