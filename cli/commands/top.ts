import { command } from "../command.ts";
import { isSelected, LATEST, withLatest } from "../container-selection.ts";
import type { Host } from "../host.ts";
import { processColumns } from "../parse/process-columns.ts";
import { neutralise } from "../text/escape.ts";
import { formatTable } from "../text/table.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [ps OPTIONS]",
  description:
    "The container's processes as this machine sees them. Of the options of ps it knows -ef, which is the default, aux, ax, -e, and -o with columns: pid, ppid, pgid, sid, user, uid, gid, comm, args, cmd, time, bsdtime, etime, etimes, stime, start, lstart, stat, state, tty, pcpu, pmem, c, rss, vsz, nlwp, ni, pri, psr.",
  options: { latest: LATEST },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: false,
  suggest: ["running"],
  failure: 1,
  examples: [["nacre top web -o pid,etime,args", "some columns"]],
  async run(context, { latest }, operands) {
    const { host } = context;
    const columns = processColumns(latest ? operands : operands.slice(1));
    const engine = await context.engine();
    const { containers } = engine;
    const [container] = withLatest(latest, operands, engine);
    const view = { nowMs: host.nowMs(), userName: userNames(host) };
    const rows = containers
      .top(container!)
      .map((process) => columns.map(({ cell }) => neutralise(cell(process, view))));
    host.print(formatTable([columns.map(({ heading }) => heading), ...rows]));
    return 0;
  },
});

/** Names of this machine's users, as ps prints them. */
function userNames(host: Host): (uid: number) => string | undefined {
  let names: Map<number, string> | undefined;
  return (uid) => {
    names ??= new Map(
      (host.exists("/etc/passwd") ? host.readText("/etc/passwd") : "").split("\n").map((line) => {
        const [name = "", , number] = line.split(":");
        return [Number(number ?? -1), name] as const;
      }),
    );
    return names.get(uid);
  };
}
