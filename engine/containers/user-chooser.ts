// Whether a new container has users of its own, and who says which. Few have: what it takes to
// choose them is loaded for those.

import type { Transaction } from "@nacre/core/ports/state-store.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ChoiceParts } from "../user-namespaces/choose.ts";

/** What its record says of them, chosen in the transaction that writes it. */
type RecordedUsers = Pick<ContainerRecord, "users">;

/** Looks everything up that can be refused: see choose.ts for the errors. */
export type UserChooser = (request: ContainerRequest) => Promise<(t: Transaction) => RecordedUsers>;

/** What chooses is loaded for those alone who ask for users. */
export const userChooser =
  (parts: () => ChoiceParts): UserChooser =>
  async (request) => {
    const { userns = "", idMaps } = request;
    const given = parts();
    const asksForNone = !idMaps && (userns === "host" || (userns === "" && !given.remap));
    if (asksForNone) return () => ({});
    const { chooseUsers } = await import("../user-namespaces/choose.ts");
    const choice = chooseUsers(request, given);
    if (!choice) return () => ({});
    return (t) => ({
      users: choice(t.list("container").flatMap(({ users }) => (users ? [users] : []))),
    });
  };
