// A process of state-store.test.ts: writes COUNT transactions, each of which reads and adds one to
// a counter that all share, writes a record of its own and appends an event.

import { SqliteStateStore } from "@nacre/linux/state-store.ts";

const [path = "", name = "", count = "0"] = process.argv.slice(2);
const store = new SqliteStateStore(path);
for (let i = 0; i < Number(count); i++) {
  store.write((t) => {
    const before = Number(t.get("name", "counter")?.containerId ?? 0);
    t.put("name", "counter", { containerId: String(before + 1) });
    t.put("name", `${name}/${i}`, { containerId: name });
    t.append({ timeMs: i, type: "container", action: "start", subject: name, attributes: {} });
  });
  if (i % 50 === 0) process.stdout.write(".");
}
store.close();
