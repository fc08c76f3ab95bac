import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { CopyFilesOptions, StoredSandbox } from "../isolation/confinement.ts";
import {
  identityFiles,
  makeDirectory,
  upperDirectory,
  writeConfiguration,
} from "../isolation/namespace-layout.ts";
import {
  GIVEN_NAME_SERVERS,
  layerPart,
  ROOT_PART,
  SandboxLayers,
} from "../isolation/sandbox-layers.ts";
import type { SystemDirectories } from "../isolation/system-directories.ts";
import { removeTree } from "../state/remove-tree.ts";
import type { SandboxFolder } from "../state/sandbox-folder.ts";
import type { SnapshotOrigin } from "../state/sandbox-record.ts";
import { copyEntries, copyTree, makeDirectoryLike } from "./copy-tree.ts";

/** The one directory of a sandbox's root that is in a snapshot only when it is asked for. */
export const TEMPORARY = "tmp";

/** A new sandbox does not see what is in the `/tmp` of the layers below it, when its snapshot is without. */
export function mustEmptyTemporary(sandbox: StoredSandbox): boolean {
  const { phase, origin } = sandbox.record;
  if (phase !== "creating" || !origin || origin.temporaryFiles) return false;
  return SandboxLayers.of(sandbox).lower.some((layer) =>
    lstatSync(join(layer, ROOT_PART, TEMPORARY), { throwIfNoEntry: false }),
  );
}

/** Gives a new sandbox an empty layer of its own, over those of a snapshot. Takes the same time whatever they hold. */
export async function layOutOnSnapshot(
  sandbox: StoredSandbox,
  { sourceId, temporaryFiles }: SnapshotOrigin,
  system: SystemDirectories,
): Promise<void> {
  const { folder, record } = sandbox;
  const { lower } = SandboxLayers.of(sandbox);
  makeDirectory(folder.root, 0o755);
  makeDirectory(folder.own, 0o700);
  await addParts(folder.own, lower);
  for (const name of system.overlaid) {
    // A directory that the host has got since.
    const path = upperDirectory(folder, name);
    if (!existsSync(path)) makeDirectory(path, lstatSync(join("/", name)).mode & 0o7777);
  }
  if (!temporaryFiles) makeDirectory(join(folder.own, ROOT_PART, TEMPORARY), 0o1777);
  const layers = SandboxLayers.of(sandbox);
  const former = new Map(identityFiles(sourceId).map(([name, content]) => [name, content]));
  for (const file of identityFiles(record.id)) {
    const [name] = file;
    const found = layers.find("etc", name);
    // What the source's user wrote there himself is his; the machine's identity is nobody's to share.
    const isOurs =
      found?.kind.isFile() && (await readFile(found.path, "utf8")) === former.get(name);
    if (isOurs || name === "machine-id") writeConfiguration(join(folder.own, "etc"), file);
  }
  const given = join(lower[0] ?? "", GIVEN_NAME_SERVERS);
  if (existsSync(given)) await copyFile(given, folder.resolverConfiguration);
}

/**
 * Makes the own layer of a sandbox that does not run a layer for all, without a copy, and gives the sandbox a new one. Does
 * the rest of it when a process died in the midst.
 */
export async function giveAwayOwnLayer(
  folder: SandboxFolder,
  destination: string,
  { temporaryFiles }: { readonly temporaryFiles: boolean },
): Promise<void> {
  if (!existsSync(destination)) {
    await copyGivenNameServers(folder, folder.own);
    await rename(folder.own, destination);
  }
  // It refers to what is not the own layer any more.
  await removeTree(folder.work);
  await mkdir(folder.own, { recursive: true, mode: 0o700 });
  await addParts(folder.own, [destination]);
  if (temporaryFiles) return;
  try {
    const [from, to] = [destination, folder.own].map((layer) => join(layer, ROOT_PART, TEMPORARY));
    await rename(from as string, to as string);
  } catch (error) {
    // The sandbox has removed it, or it was moved by who died.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Copies the own layer of a sandbox that may run. */
export async function copyOwnLayer(
  folder: SandboxFolder,
  destination: string,
  { temporaryFiles, signal, needsUserNamespace }: CopyLayerOptions,
): Promise<void> {
  const { own } = folder;
  await copyTree({
    from: join(own, ROOT_PART),
    to: join(destination, ROOT_PART),
    except: temporaryFiles ? undefined : TEMPORARY,
    needsUserNamespace,
    signal,
  });
  await copyEntries({ from: own, to: destination, except: ROOT_PART, needsUserNamespace, signal });
  await copyGivenNameServers(folder, destination);
}

interface CopyLayerOptions extends CopyFilesOptions {
  readonly needsUserNamespace: boolean;
}

async function copyGivenNameServers(folder: SandboxFolder, layer: string): Promise<void> {
  if (existsSync(folder.resolverConfiguration)) {
    await copyFile(folder.resolverConfiguration, join(layer, GIVEN_NAME_SERVERS));
  }
}

/** Makes what the options of the mounts name: an empty work directory for each overlay, and short links to what lies below. */
export function prepareForMounting(
  { folder, record }: StoredSandbox,
  overlaid: readonly string[],
): void {
  const { layers = [] } = record;
  const parts = overlaid.map(layerPart);
  if (layers.length > 0) parts.push(ROOT_PART);
  for (const part of parts) mkdirSync(join(folder.work, part), { recursive: true, mode: 0o700 });
  rmSync(folder.lower, { recursive: true, force: true });
  mkdirSync(folder.lower, { mode: 0o700 });
  for (const [index, id] of layers.entries()) {
    symlinkSync(join(folder.sharedLayers, id), join(folder.lower, String(index)));
  }
  if (existsSync(folder.mirror)) symlinkSync(folder.mirror, join(folder.lower, "mirror"));
}

/** Empty directories like those of the uppermost layer that has each. */
async function addParts(own: string, lower: readonly string[]): Promise<void> {
  for (const layer of lower) {
    for (const entry of await readdir(layer, { withFileTypes: true })) {
      const path = join(own, entry.name);
      if (entry.isDirectory() && !existsSync(path)) {
        await makeDirectoryLike(join(layer, entry.name), path);
      }
    }
  }
}
