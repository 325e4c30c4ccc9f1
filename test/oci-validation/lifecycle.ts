// Checks of the operations and what they may not do (runtime.md, "Operations", "Lifecycle").

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { demand } from "./bench.ts";
import { cgroupDirectory } from "./cgroup-files.ts";
import type { Check } from "./check.ts";
import { usualConfig } from "./config.ts";
import { lookAround, problemsInside } from "./inside.ts";

const SAY = "echo process >> /output";

export const LIFECYCLE: readonly Check[] = [
  {
    name: "create",
    asks: "a container needs an ID, and one that nobody has",
    async holds(bench) {
      const { id, bundle } = bench.prepared("ls");
      bench.refuses("create without an ID does not fail", "create", "--bundle", bundle);
      bench.create({ id, bundle });
      demand(bench.state(id)?.id === id, "state has another ID");
      bench.refuses("an ID is given twice", "create", "--bundle", bundle, id);
      await bench.ended(id);
    },
  },
  {
    name: "start",
    asks: "only what is created is started, once; without a process there is an error",
    async holds(bench) {
      const made = bench.prepared(SAY);
      const output = join(made.bundle, "output");
      const said = () => (existsSync(output) ? readFileSync(output, "utf8") : "");
      bench.refuses("start without an ID does not fail", "start");
      bench.refuses("start of nothing does not fail", "start", made.id);
      bench.create(made);
      demand(said() === "", "the process runs before start");
      bench.does("start", made.id);
      await bench.reached(made.id, "stopped");
      demand(said() === "process\n", "the process did not run");
      bench.refuses("start of a stopped container does not fail", "start", made.id);
      demand(said() === "process\n", "a start that failed had an effect");
      bench.does("delete", made.id);
      const { process: _, ...rest } = made.config;
      bench.configure(made.bundle, rest);
      bench.create(made);
      bench.refuses("start without a process does not fail", "start", made.id);
      await bench.reached(made.id, "stopped");
      bench.does("delete", made.id);
    },
  },
  {
    name: "state",
    asks: "state needs the ID of a container, and says what it is",
    async holds(bench) {
      const made = bench.prepared("true");
      bench.refuses("state without an ID does not fail", "state");
      bench.refuses("state of nothing does not fail", "state", made.id);
      bench.create(made);
      const state = bench.state(made.id);
      demand(state?.status === "created" && state.bundle === made.bundle, JSON.stringify(state));
      demand(/^1\./.test(state.ociVersion) && (state.pid ?? 0) > 0, JSON.stringify(state));
      await bench.ended(made.id);
    },
  },
  {
    name: "kill",
    asks: "what is created or runs gets signals, all else is an error",
    async holds(bench) {
      bench.refuses("kill without an ID does not fail", "kill");
      bench.refuses("kill of nothing does not fail", "kill", bench.id(), "KILL");
      const created = bench.prepared("true");
      bench.create(created);
      bench.does("kill", created.id, "KILL");
      await bench.reached(created.id, "stopped");
      bench.does("delete", created.id);
      const short = bench.prepared("true");
      bench.create(short);
      bench.does("start", short.id);
      await bench.reached(short.id, "stopped");
      bench.refuses("kill of a stopped container does not fail", "kill", short.id, "KILL");
      bench.does("delete", short.id);
      const long = bench.prepared("sleep 30");
      bench.create(long);
      bench.does("start", long.id);
      bench.does("kill", long.id, "KILL");
      await bench.reached(long.id, "stopped");
      bench.does("delete", long.id);
    },
  },
  {
    name: "kill_no_effect",
    asks: "a signal to a stopped container changes nothing of it",
    async holds(bench) {
      const made = bench.prepared("true");
      bench.create(made);
      bench.does("start", made.id);
      const before = await bench.reached(made.id, "stopped");
      bench.call(["kill", made.id, "KILL"]);
      const after = bench.state(made.id);
      demand(JSON.stringify(after) === JSON.stringify(before), JSON.stringify(after));
      bench.does("delete", made.id);
    },
  },
  {
    name: "killsig",
    asks: "the signal that is named is sent",
    async holds(bench) {
      for (const signal of ["TERM", "USR1", "USR2"]) {
        const made = bench.prepared(
          `trap 'touch /${signal}' ${signal}; touch /ready; sleep 10 & wait $!`,
        );
        bench.create(made);
        bench.does("start", made.id);
        while (!existsSync(join(made.bundle, "ready"))) bench.state(made.id);
        bench.does("kill", made.id, signal);
        await bench.reached(made.id, "stopped");
        demand(existsSync(join(made.bundle, signal)), `${signal} did not arrive`);
        bench.does("delete", made.id);
      }
    },
  },
  {
    name: "delete",
    asks: "what is created or runs is not deleted, and not touched",
    async holds(bench) {
      bench.refuses("delete without an ID does not fail", "delete");
      const created = bench.prepared("true");
      bench.create(created);
      bench.refuses("a created container is deleted", "delete", created.id);
      demand(bench.state(created.id)?.status === "created", "a delete that failed had an effect");
      await bench.ended(created.id);
      const running = bench.prepared("sleep 30");
      bench.create(running);
      bench.does("start", running.id);
      bench.refuses("a running container is deleted", "delete", running.id);
      demand(bench.state(running.id)?.status === "running", "a delete that failed had an effect");
      await bench.ended(running.id);
    },
  },
  {
    name: "delete_resources",
    asks: "what create made goes with delete",
    missing: () => (cgroupDirectory("pids") ? undefined : "no pids hierarchy"),
    async holds(bench) {
      const made = bench.prepared("true", ({ linux }) => {
        linux.cgroupsPath = "/nacre-validation-gone";
        linux.resources.pids = { limit: 1000 };
      });
      bench.create(made);
      const node = join(cgroupDirectory("pids") as string, "nacre-validation-gone");
      demand(readFileSync(join(node, "pids.max"), "utf8") === "1000\n", "no limit of 1000");
      bench.does("start", made.id);
      await bench.reached(made.id, "stopped");
      bench.does("delete", made.id);
      demand(!existsSync(node), "the cgroup is left");
    },
  },
  {
    name: "delete_only_create_resources",
    asks: "what others made for the container stays",
    missing: () => (cgroupDirectory("pids") ? undefined : "no pids hierarchy"),
    async holds(bench) {
      const node = join(cgroupDirectory("pids") as string, "nacre-validation-kept");
      mkdirSync(node);
      try {
        const made = bench.prepared("true");
        bench.create(made);
        writeFileSync(join(node, "tasks"), String(bench.state(made.id)?.pid));
        bench.does("start", made.id);
        await bench.reached(made.id, "stopped");
        bench.does("delete", made.id);
        demand(existsSync(node), "the cgroup of somebody else is gone");
      } finally {
        if (existsSync(node)) rmdirSync(node);
      }
    },
  },
  {
    name: "pidfile",
    asks: "--pid-file gets the process's number and nothing else",
    async holds(bench) {
      const made = bench.prepared("true");
      const file = join(bench.base, "pid");
      bench.create(made, "--pid-file", file);
      const pid = readFileSync(file, "utf8");
      demand(pid === String(bench.state(made.id)?.pid), `it has ${JSON.stringify(pid)}`);
      await bench.ended(made.id);
    },
  },
  {
    name: "config_updates_without_affect",
    asks: "a config.json that is changed after create changes nothing",
    async holds(bench) {
      const made = bench.prepared("", ({ linux, process }) => {
        linux.maskedPaths = ["/proc/kcore"];
        linux.readonlyPaths = ["/proc/fs"];
        linux.sysctl = { "net.ipv4.ip_forward": "1" };
        linux.rootfsPropagation = "shared";
        if (process) process.oomScoreAdj = 100;
      });
      const { process } = made.config;
      if (process) process.args = ["sh", "-c", `(${lookAround(made.config)}) > /output`];
      bench.configure(made.bundle, made.config);
      bench.create(made);
      bench.configure(made.bundle, { ociVersion: "1.0.0" });
      bench.does("start", made.id);
      await bench.reached(made.id, "stopped");
      bench.does("delete", made.id);
      const problems = problemsInside(
        made.config,
        readFileSync(join(made.bundle, "output"), "utf8"),
      );
      demand(problems.length === 0, problems.join("; "));
    },
  },
  {
    name: "misc_props",
    asks: "unknown annotations and properties are let be, an invalid value is not",
    async holds(bench) {
      const annotated = bench.prepared("true", (config) => {
        config.annotations = { "org.nobody.knows": "" };
      });
      await bench.lived(annotated);
      const unknown = bench.prepared("true");
      bench.configure(unknown.bundle, { ...unknown.config, unknown: "unknown" });
      await bench.lived(unknown);
      const invalid = bench.prepared("true");
      bench.configure(invalid.bundle, { ...usualConfig("true"), ociVersion: "invalid" });
      bench.refuses(
        "an invalid version is taken",
        "create",
        "--bundle",
        invalid.bundle,
        invalid.id,
      );
    },
  },
];
