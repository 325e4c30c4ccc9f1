// Says of each test, in a line, how it went: what the other side of a serial line can read.

interface Result {
  readonly state: string;
  readonly note?: string | undefined;
  readonly errors?: readonly { readonly message: string }[] | undefined;
}

interface ReportedTest {
  readonly fullName: string;
  result(): Result;
}

interface ReportedFile {
  readonly relativeModuleId: string;
  errors(): readonly { readonly message: string }[];
}

const line = (outcome: string, name: string, why: string | undefined): void => {
  const reason = why === undefined ? "" : ` # ${why.split("\n").slice(0, 12).join(" | ")}`;
  process.stdout.write(`test ${outcome} ${name}${reason}\n`);
};

export default class LineReporter {
  onTestCaseResult(test: ReportedTest): void {
    const { state, note, errors } = test.result();
    line(state, test.fullName, state === "failed" ? errors?.[0]?.message : note);
  }

  /** A file that fails outside its tests. */
  onTestModuleEnd(file: ReportedFile): void {
    for (const { message } of file.errors()) line("failed", file.relativeModuleId, message);
  }
}
