// Checks of hooks (runtime.md, "Lifecycle"; config.md, "POSIX-platform Hooks").

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { demand, type Made, type State, type ValidationBench } from "./bench.ts";
import type { Check } from "./check.ts";

const STAGES = ["prestart", "poststart", "poststop"] as const;

/** A hook that is run by the shell of the bundle, out here. */
const shell = ({ bundle }: Made, script: string) => ({
  path: join(bundle, "bin/sh"),
  args: ["sh", "-c", script],
});
const failing = ({ bundle }: Made) => ({ path: join(bundle, "bin/false"), args: ["false"] });
const output = ({ bundle }: Made): string => {
  const path = join(bundle, "output");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
};
const says = (made: Made, word: string) => shell(made, `echo ${word} >> ${made.bundle}/output`);

function hooked(bench: ValidationBench, hooks: (made: Made) => Made["config"]["hooks"]): Made {
  const made = bench.prepared("echo process >> /output");
  const given = hooks(made);
  made.config = { ...made.config, ...(given && { hooks: given }) };
  bench.configure(made.bundle, made.config);
  return made;
}

export const HOOKS: readonly Check[] = [
  {
    name: "hooks",
    asks: "hooks run in the order in which they stand",
    async holds(bench) {
      const made = hooked(bench, (one) =>
        Object.fromEntries(STAGES.map((s) => [s, [says(one, `${s}1`), says(one, `${s}2`)]])),
      );
      await bench.lived(made);
      const lines = output(made).trim().split("\n");
      const wanted = STAGES.flatMap((stage) => [`${stage}1`, `${stage}2`]);
      demand(lines.filter((l) => l !== "process").join() === wanted.join(), lines.join());
    },
  },
  {
    name: "hooks_stdin",
    asks: "hooks get the container's state on their input",
    async holds(bench) {
      const made = hooked(bench, (one) =>
        Object.fromEntries(
          STAGES.map((stage) => [
            stage,
            [{ ...shell(one, `cat > ${one.bundle}/${stage}`), timeout: 5 }],
          ]),
        ),
      );
      made.config = { ...made.config, annotations: { "org.validation": "hooks" } };
      bench.configure(made.bundle, made.config);
      bench.create(made);
      const pid = bench.state(made.id)?.pid;
      bench.does("start", made.id);
      await bench.reached(made.id, "stopped");
      bench.does("delete", made.id);
      for (const stage of STAGES) {
        const state = JSON.parse(readFileSync(join(made.bundle, stage), "utf8")) as State;
        const fits =
          state.id === made.id &&
          state.bundle === made.bundle &&
          (stage === "poststop" || state.pid === pid) &&
          state.annotations?.["org.validation"] === "hooks" &&
          { prestart: "created", poststart: "running", poststop: state.status }[stage] ===
            state.status &&
          state.status !== "";
        demand(fits, `${stage}: ${JSON.stringify(state)}`);
      }
    },
  },
  {
    name: "prestart",
    asks: "prestart hooks run before the process",
    async holds(bench) {
      const made = hooked(bench, (one) => ({ prestart: [says(one, "prestart")] }));
      await bench.lived(made);
      demand(output(made) === "prestart\nprocess\n", output(made));
    },
  },
  {
    name: "prestart_fail",
    asks: "a prestart hook that fails is an error, and the process does not run",
    async holds(bench) {
      const made = hooked(bench, (one) => ({ prestart: [failing(one)] }));
      const created = bench.call(["create", "--bundle", made.bundle, made.id]).code === 0;
      const started = created && bench.call(["start", made.id]).code === 0;
      demand(!started, "no error");
      demand(output(made) === "", "the process runs");
      demand(bench.state(made.id) === undefined, "the container is there");
    },
  },
  {
    name: "poststart",
    asks: "poststart hooks run with start, and not before",
    async holds(bench) {
      const made = hooked(bench, (one) => ({ poststart: [says(one, "poststart")] }));
      bench.create(made);
      demand(output(made) === "", `after create: ${output(made)}`);
      bench.does("start", made.id);
      demand(output(made).includes("poststart"), "start returns before its hook has run");
      await bench.reached(made.id, "stopped");
      // Which of both writes first is nobody's to say: the process runs when the hook is begun.
      demand(output(made).split("\n").sort().join() === ",poststart,process", output(made));
      bench.does("delete", made.id);
    },
  },
  {
    name: "poststart_fail",
    asks: "a poststart hook that fails is warned of, and all goes on",
    async holds(bench) {
      const made = hooked(bench, (one) => ({ poststart: [failing(one), says(one, "poststart")] }));
      await bench.lived(made);
      demand(output(made).includes("poststart\n"), "the next hook does not run");
    },
  },
  {
    name: "poststop",
    asks: "poststop hooks run with delete, and not before",
    async holds(bench) {
      const made = hooked(bench, (one) => ({ poststop: [says(one, "poststop")] }));
      bench.create(made);
      bench.does("start", made.id);
      await bench.reached(made.id, "stopped");
      demand(output(made) === "process\n", `before delete: ${output(made)}`);
      bench.does("delete", made.id);
      demand(output(made) === "process\npoststop\n", output(made));
    },
  },
  {
    name: "poststop_fail",
    asks: "a poststop hook that fails is warned of, and all goes on",
    async holds(bench) {
      const made = hooked(bench, (one) => ({ poststop: [failing(one), says(one, "poststop")] }));
      await bench.lived(made);
      demand(output(made).endsWith("poststop\n"), "the next hook does not run");
    },
  },
];
