import { badArgument } from "../check-arguments.ts";

const longestName = 128;
const expected = `at most ${longestName} letters, digits, "_", ".", "-", ":" and "/", beginning with a letter or a digit`;

/**
 * What every provider takes as the name of a new snapshot. One that ends in `:latest` would be another snapshot tomorrow.
 *
 * @throws {@link ConfigError}
 */
export function checkSnapshotName(name: unknown): string {
  if (typeof name !== "string" || name.length > longestName) throw badArgument("name", expected);
  if (!/^[A-Za-z0-9][A-Za-z0-9_.:/-]*$/.test(name)) throw badArgument("name", expected);
  if (/:latest$/i.test(name)) {
    throw badArgument("name", "a name that does not move: not the tag `:latest`, but a version");
  }
  return name;
}

/** @throws {@link ConfigError} */
export function checkSnapshotReference(nameOrId: unknown): string {
  if (typeof nameOrId === "string" && nameOrId.trim() !== "" && !nameOrId.includes("\0")) {
    return nameOrId;
  }
  throw badArgument("nameOrId", "the name or the ID of a snapshot");
}
