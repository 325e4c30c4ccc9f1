// --log-opt of docker's json-file and journald drivers, as far as there is something behind it.

import {
  DEFAULT_LOG,
  JOURNAL_LOG,
  type LogRequest,
  NO_LOG,
} from "@nacre/core/program/log-options.ts";
import { FlagError } from "../flag-error.ts";
import { parseDiskBytes } from "./bytes.ts";
import { parseInteger } from "./number.ts";

type LogOption = readonly [name: string, value: string];

export function parseLogOption(word: string): LogOption {
  const at = word.indexOf("=");
  return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
}

/** Sizes as docker reads them: 20m is 20 000 000. @throws FlagError */
export function logRequestOf({
  logDriver = "json-file",
  logOpt,
}: {
  readonly logDriver: string | undefined;
  readonly logOpt: readonly LogOption[];
}): LogRequest | undefined {
  if (logOpt.length === 0) return undefined;
  if (logDriver === NO_LOG) throw new FlagError("invalid logging opts for driver none");
  const options = withoutModes(new Map(logOpt));
  const details = ["tag", "labels", "env"];
  const limits = logDriver === JOURNAL_LOG ? [] : ["max-size", "max-file"];
  const known = [
    ...limits,
    ...(logDriver === JOURNAL_LOG || logDriver === DEFAULT_LOG ? details : []),
  ];
  const wrong = [...options.keys()].find((name) => !known.includes(name));
  if (wrong !== undefined) {
    const all = `${known.slice(0, -1).join(", ")} and ${known.at(-1)}`;
    throw new FlagError(`unknown log opt '${wrong}' for ${logDriver} log driver: there are ${all}`);
  }
  const [size, files] = [options.get("max-size"), options.get("max-file")];
  return {
    ...(size !== undefined && {
      maxBytes: size === "-1" ? -1 : named("max-size", size, parseDiskBytes),
    }),
    ...(files !== undefined && { maxFiles: named("max-file", files, parseInteger) }),
    ...detailsOf(options),
  };
}

/** How docker's daemon takes lines over: here nobody stands between a container and its log. */
function withoutModes(options: Map<string, string>): ReadonlyMap<string, string> {
  const [mode = "", buffer] = ["mode", "max-buffer-size"].map((name) => options.get(name));
  if (!["", "blocking", "non-blocking"].includes(mode)) {
    throw new FlagError(`logger: logging mode not supported: ${mode}`);
  }
  if (buffer !== undefined && mode !== "non-blocking") {
    throw new FlagError(
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
    );
  }
  if (buffer !== undefined) named("max-buffer-size", buffer, parseDiskBytes);
  return new Map([...options].filter(([name]) => name !== "mode" && name !== "max-buffer-size"));
}

/** What is said of each line. */
function detailsOf(options: ReadonlyMap<string, string>): LogRequest {
  const [tag, labels, env] = ["tag", "labels", "env"].map((name) => options.get(name));
  return {
    ...(tag !== undefined && { tag }),
    ...(labels !== undefined && { labels: labels.split(",").filter(Boolean) }),
    ...(env !== undefined && { env: env.split(",").filter(Boolean) }),
  };
}

function named(name: string, text: string, parse: (text: string) => number): number {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    throw new FlagError(`invalid log opt ${name}=${text}: ${error.message}`);
  }
}
