import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { JsonFileLog } from "@nacre/engine/logs/json-file.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { logDriverContract } from "./log-driver.ts";
import { temporaryDirectory } from "./temporary.ts";

logDriverContract("json-file", () => {
  const path = join(temporaryDirectory(), "log.json");
  const append = (text: string) => appendFileSync(path, text);
  return { driver: new JsonFileLog(new LinuxFiles()), path, append };
});
