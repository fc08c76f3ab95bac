import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { layerPart } from "./sandbox-layers.ts";

const FOR_EVERYBODY = 0o005;

/** How deep the directories below each are mirrored: what installers write to, without walking all of `/usr`. */
const MIRRORED: ReadonlyMap<string, number> = new Map([
  ["etc", 16],
  ["usr", 2],
  ["usr/local", 4],
  ["opt", 2],
]);

/** Whether a system directory of the host has a mirror. */
export function isMirrored(name: string): boolean {
  return MIRRORED.has(name);
}

/**
 * Makes the host's system directories writable for sandboxes whose only user is not the machine's root. There they belong
 * to nobody, so nobody may add to them; a layer above them with the same directories, owned by the user, makes them the user's own. Nobody
 * writes to that layer, so all sandboxes share it. The files stay the host's: they can be replaced and removed, not changed in place.
 *
 * Makes the mirror like the host is now. What the host gets later belongs to nobody until the next time.
 *
 * @param folder - Has a part for each top-level directory such as `usr`.
 */
export function mirrorDirectories(overlaid: readonly string[], folder: string): void {
  for (const [path, depth] of MIRRORED) {
    const [name = "", ...below] = path.split("/");
    if (!overlaid.includes(name)) continue;
    const destination = join(folder, layerPart(name), ...below);
    mkdirSync(destination, { recursive: true });
    mirror(path, destination, depth);
  }
}

/** Synchronous: a thousand directories take 30 ms this way, and half a second the other. */
function mirror(path: string, destination: string, depth: number): void {
  if (depth === 0) return;
  const mirrored = new Set(readdirSync(destination));
  for (const entry of readdirSync(join("/", path), { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const from = join(path, entry.name);
    const to = join(destination, entry.name);
    const { mode } = lstatSync(join("/", from));
    // What is closed to the machine's users stays closed.
    if ((mode & FOR_EVERYBODY) !== FOR_EVERYBODY) continue;
    if (!mirrored.delete(entry.name)) mkdirSync(to);
    chmodSync(to, (mode & 0o1777) | 0o700);
    // What is mirrored deeper is for its own turn.
    if (!MIRRORED.has(from)) mirror(from, to, depth - 1);
  }
  for (const name of mirrored) rmSync(join(destination, name), { recursive: true, force: true });
}
