// A process of files.test.ts: begins a resumable file and waits for its end.

import { LinuxFiles } from "@nacre/linux/files.ts";

const writer = await new LinuxFiles().create(process.argv[2] ?? "", { resume: true });
await writer.write(Buffer.from("he"));
process.stdout.write("ready\n");
setInterval(() => {}, 1000);
