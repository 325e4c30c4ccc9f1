import { LinuxClock } from "@nacre/linux/clock.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { clockContract } from "./clock.ts";

clockContract("linux", () => {
  const clock = new LinuxClock();
  return { clock, pass: (ms) => clock.sleep(ms) };
});

clockContract("simulated", () => {
  const clock = new SimulatedClock();
  return { clock, pass: (ms) => clock.advance(ms) };
});
