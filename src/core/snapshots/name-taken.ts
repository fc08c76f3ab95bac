import { SnapshotError } from "../../contract/provider-errors.ts";

export function nameTaken(operation: string, name: string): SnapshotError {
  return new SnapshotError(`There is a snapshot ${name} already. Choose another name.`, {
    operation,
    reason: "name-taken",
    snapshot: name,
  });
}
