// A registry with images, and a user who is not root and uses them, for the tests of a `describe`.

import { Bench } from "./engine-bench.ts";
import { UnprivilegedUser, type UserOptions } from "./unprivileged-user.ts";

export interface UserBench {
  readonly bench: Bench;
  readonly user: UnprivilegedUser;
}

export async function makeUserBench(options: UserOptions = {}): Promise<UserBench> {
  const bench = await Bench.make();
  const user = new UnprivilegedUser(options);
  user.environment = { NACRE_TEST_BENCH: bench.base };
  return { bench, user };
}

/** Those that came to be, where making them failed on the way. */
export async function endUserBench({ bench, user }: Partial<UserBench>): Promise<void> {
  user?.[Symbol.dispose]();
  await bench?.[Symbol.asyncDispose]();
}
