import { resolve } from "node:path";
import { NacreError } from "@nacre/core/error.ts";
import { beginsLikeTar } from "@nacre/engine/build/tar-like.ts";
import type {
  BuildContext,
  BuildOptions,
  BuiltImage,
  Engine,
  FailedStep,
} from "@nacre/engine/engine.ts";
import { BuildDisplay, type Progress } from "../build-display.ts";
import {
  BUILD_OPTIONS,
  type BuildValues,
  buildOptions,
  dockerfileOf,
  isAddress,
  isGit,
  parseOutput,
} from "../build-options.ts";
import { checkOutput, isForItself, writeOutput } from "../build-output.ts";
import { type Context, command } from "../command.ts";
import type { Host } from "../host.ts";
import { referenceOf } from "../image-name.ts";
import { interruptible } from "../interruption.ts";
import { noticing } from "../notices.ts";
import { writeWhole } from "../written-file.ts";

export default command({
  usage: "[OPTIONS] PATH|URL|-",
  description:
    "Builds an image of a Dockerfile and the files of a directory, a git repository, or a tar on standard input or from a server. Stages that the target does not need are not built; steps are cached by what is in their inputs, not by times. SOURCE_DATE_EPOCH, if set, is the newest time in the image: then the same inputs give the same image. RUN has this machine's network until there are others; --network none gives it none.",
  options: BUILD_OPTIONS,
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: ["files"],
  failure: 1,
  examples: [
    ["nacre build -t app .", "the directory's Dockerfile"],
    ["nacre build -o out --target files .", "the files of a stage, into a directory"],
    ["nacre build --debug-shell .", "and if a step fails, a shell in it"],
  ],
  async run(context, values, [where]) {
    const { host } = context;
    const outputs = values.output.map(parseOutput);
    for (const output of outputs) checkOutput(output, host);
    const options = {
      ...buildOptions(values, host),
      ...(await inputOf(where!, values, host, context)),
    };
    const filesOnly =
      outputs.length > 0 && outputs.every(({ type }) => type === "tar" || type === "local");
    const archiveOnly = !filesOnly && outputs.length > 0 && outputs.every(isForItself);
    const display = new BuildDisplay(host, progressOf(values, host));
    const engine = await context.engine();
    const call = values.check ? "check" : (values.call ?? "build");
    if (call !== "build") {
      const { toldOf } = await import("../build-survey.ts");
      return toldOf(call, await engine.builds.survey(options), host);
    }
    return interruptible(host, async (signal) => {
      const building = () =>
        engine.builds.build({
          ...options,
          ...{ filesOnly, archiveOnly, signal, onEvent: (event) => display.show(event) },
          ...(values.debugShell && { onFailure: (step) => debug(step, display, host) }),
        });
      const image = await noticing(engine, host, building).finally(() => display.finish());
      try {
        for (const output of outputs) await writeOutput(output, image, engine.images, host, signal);
      } finally {
        await image.discard();
      }
      await told(image, values, engine, host, filesOnly);
      return 0;
    });
  },
});

function progressOf({ progress = "auto", quiet }: BuildValues, host: Host): Progress {
  if (quiet) return "quiet";
  if (progress !== "auto") return progress;
  return host.isTerminal(2) && host.environment.TERM !== "dumb" ? "tty" : "plain";
}

/** The context and the Dockerfile. */
async function inputOf(
  where: string,
  { file }: BuildValues,
  host: Host,
  { global }: Context,
): Promise<Partial<BuildOptions>> {
  if (where === "-" && file === "-") {
    throw new NacreError("invalid", "context and Dockerfile cannot both come from standard input");
  }
  const standard =
    file === "-" ? { dockerfileText: { name: "Dockerfile", text: await textOf(host) } } : {};
  if (where === "-") {
    const { isTar, whole } = await beginsLikeTar(host.inputBytes("-"));
    if (isTar) return { context: { tar: whole }, ...dockerfileIn(file) };
    if (file !== undefined) {
      throw new NacreError(
        "invalid",
        "standard input is no tar, so that there is no context for -f",
      );
    }
    const bytes = await new Response(ReadableStream.from(whole)).text();
    return { dockerfileText: { name: "Dockerfile", text: bytes } };
  }
  if (isGit(where)) return { context: { git: where }, ...dockerfileIn(file), ...standard };
  if (isAddress(where)) return { context: { address: where }, ...dockerfileIn(file), ...standard };
  const directory = resolve(host.workingDirectory, where);
  const named = dockerfileOf(file, directory, host);
  return { context: await directoryOf(directory, host, global.backend), ...named, ...standard };
}

const dockerfileIn = (file: string | undefined): Partial<BuildOptions> =>
  file === undefined || file === "-" ? {} : { dockerfile: file };

/** The kernel in memory does not see this machine's directories: it gets a tar. */
async function directoryOf(directory: string, host: Host, backend: string): Promise<BuildContext> {
  if (backend !== "simulated") return { directory };
  const found = (await host.localFiles()).find(directory, true);
  if (found?.kind !== "directory") {
    throw new NacreError("not-found", `there is no directory ${directory} to build from`);
  }
  return { tar: found.archive("."), ofDirectory: true };
}

async function textOf(host: Host): Promise<string> {
  return new Response(ReadableStream.from(host.inputBytes("-"))).text();
}

async function debug(step: FailedStep, display: BuildDisplay, host: Host): Promise<void> {
  if (!host.isTerminal(0) || !host.isTerminal(1)) {
    host.printError("nacre: --debug-shell needs a terminal\n");
    return;
  }
  display.finish();
  host.printError(
    `The step has failed with ${step.exitCode}. This shell is where it was; exit ends it.\n`,
  );
  await step.shell({ stdin: 0, stdout: 1, stderr: 2 });
}

async function told(
  image: BuiltImage,
  values: BuildValues,
  engine: Engine,
  host: Host,
  filesOnly: boolean,
): Promise<void> {
  if (values.iidfile !== undefined) await writeWhole(host, values.iidfile, image.id);
  if (values.metadataFile !== undefined) {
    const names = image.references.join(",");
    const metadata = {
      "containerimage.config.digest": image.id,
      "containerimage.digest": image.manifestDigest,
      ...(names !== "" && { "image.name": names }),
    };
    await writeWhole(host, values.metadataFile, `${JSON.stringify(metadata, null, 2)}\n`);
  }
  if (values.push) {
    if (image.references.length === 0)
      throw new NacreError("invalid", "--push needs a name: -t NAME");
    for (const reference of image.references) {
      await engine.images.push(reference);
      if (!values.quiet) host.printError(`pushed ${referenceOf(reference).familiar()}\n`);
    }
  }
  if (values.quiet && !filesOnly) host.print(`${image.id}\n`);
}
