import { posix } from "node:path";
import { Readable } from "node:stream";
import type { EngineFileInfo, EngineSandbox } from "../../engine/engine-types.ts";
import { hashFiles, readArchive } from "./build-context.ts";
import { BuildFailure } from "./build-failure.ts";
import type { CopySource, CopySources } from "./copy-sources.ts";
import { DockerfileError, type Instruction } from "./dockerfile/instruction.ts";
import { groupId, runAs } from "./run-as.ts";
import type { Stage } from "./stage.ts";

/** A COPY or ADD whose sources have been found. */
export interface CopyStep {
  /** The same for the same outcome on the same files. */
  readonly key: string;
  run(sandbox: EngineSandbox): Promise<void>;
}

const knownFlags = new Set(["chown", "chmod", "from", "link"]);

/**
 * Finds what a COPY or ADD copies.
 *
 * @throws BuildFailure for a source that is not in the context, and for what is not implemented.
 */
export async function planCopy(
  instruction: Instruction,
  stage: Stage,
  available: CopySources,
): Promise<CopyStep> {
  const { keyword, flags, heredocs } = instruction;
  const unknown = [...flags.keys()].find((flag) => !knownFlags.has(flag));
  if (unknown !== undefined) throw notImplemented(`${keyword} --${unknown}`);
  const words = stage.words(instruction.rest).map((word) => stage.expand(word));
  const target = words.pop();
  if (target === undefined || words.length === 0)
    throw new DockerfileError(`${keyword} requires at least two arguments`, instruction.line);
  const inline = new Map(
    heredocs.map(({ name, content, expands }) => [name, { content, expands }]),
  );
  const sources: CopySource[] = [];
  for (const word of words) {
    const heredoc = /^<<-?(.*)$/.exec(word)?.[1];
    const text = heredoc === undefined ? undefined : inline.get(heredoc);
    if (text !== undefined) {
      const content = text.expands
        ? stage.expand(`"${text.content.replaceAll('"', '\\"')}"`)
        : text.content;
      const file = { mode: 0o644, bytes: Buffer.from(content) };
      sources.push({ name: heredoc ?? "", isDirectory: false, files: [["", file]] });
    } else if (keyword === "ADD" && /^(https?|git):|^git@/.test(word)) {
      throw notImplemented("ADD of a remote address");
    } else sources.push(...(await findSources(available, word)));
  }
  const planned = keyword === "ADD" ? await unpackArchives(sources) : sources;
  const chown = stage.expand(flags.get("chown") ?? "");
  const chmod = flags.get("chmod");
  const mode = chmod === undefined ? undefined : readMode(chmod);
  const destination = stage.absolute(target);
  const mustBeDirectory = /(^|\/)\.{0,2}$/.test(target) || words.length > 1 || planned.length > 1;
  const contents = planned.map(({ name, isDirectory, files }) => [
    name,
    isDirectory,
    hashFiles(files),
  ]);
  return {
    key: JSON.stringify([keyword, destination, mustBeDirectory, chown, chmod ?? "", contents]),
    run: async (sandbox) => {
      const owner = await ownerOf(sandbox, chown);
      const intoDirectory = mustBeDirectory || (await isDirectory(sandbox, destination));
      for (const source of planned) {
        const single = !source.isDirectory;
        const base = single && intoDirectory ? posix.join(destination, source.name) : destination;
        if (!single) await makeDirectories(sandbox, destination, owner);
        for (const [path, file] of source.files) {
          const to = path === "" ? base.replace(/\/+$/, "") : posix.join(base, path);
          await makeDirectories(sandbox, posix.dirname(to), owner);
          await sandbox.files.write(to, Readable.from([file.bytes]), { mode: mode ?? file.mode });
          await sandbox.files.setMode(to, mode ?? file.mode);
          await sandbox.files.setOwner(to, owner);
        }
      }
    },
  };
}

async function findSources(sources: CopySources, word: string): Promise<readonly CopySource[]> {
  // A context has no outside: what leads out of it ends at its root.
  const pattern = posix.join("/", word).slice(1).replace(/\/+$/, "");
  const found = await sources.find(pattern);
  if (found.length === 0)
    throw new BuildFailure(`failed to compute cache key: "/${pattern}": not found`);
  return found;
}

/** ADD unpacks a local tar archive, by its content and not by its name. */
async function unpackArchives(sources: readonly CopySource[]): Promise<CopySource[]> {
  return Promise.all(
    sources.map(async (source) => {
      const [first] = source.files;
      if (source.isDirectory || !first || !looksLikeArchive(first[1].bytes)) return source;
      const files = [...(await readArchive(Readable.from([first[1].bytes])))];
      return { ...source, isDirectory: true, files };
    }),
  );
}

function looksLikeArchive(bytes: Buffer): boolean {
  const isTar = bytes.length > 262 && bytes.subarray(257, 262).toString("latin1") === "ustar";
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return isTar || isGzip;
}

async function isDirectory({ files }: EngineSandbox, path: string): Promise<boolean> {
  return (await statOrUndefined(files.stat(path)))?.type === "directory";
}

async function makeDirectories(
  sandbox: EngineSandbox,
  path: string,
  owner: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const missing: string[] = [];
  for (let at = path.replace(/\/+$/, "") || "/"; ; at = posix.dirname(at)) {
    const found = await statOrUndefined(sandbox.files.stat(at));
    if (found?.type === "directory") break;
    if (found) throw new BuildFailure(`cannot copy to non-directory: ${at}`);
    missing.unshift(at);
  }
  for (const directory of missing) {
    await sandbox.files.makeDirectory(directory);
    await sandbox.files.setOwner(directory, owner);
  }
}

async function statOrUndefined(look: Promise<EngineFileInfo>): Promise<EngineFileInfo | undefined> {
  try {
    return await look;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
}

async function ownerOf(
  sandbox: EngineSandbox,
  chown: string,
): Promise<{ readonly uid: number; readonly gid: number }> {
  if (chown === "") return { uid: 0, gid: 0 };
  const [user = "", group] = chown.split(":");
  const { uid, gid } = await runAs(sandbox, user);
  // Docker: without a group it is the one of the same number as the user.
  if (group !== undefined) return { uid, gid: await groupId(sandbox, group) };
  return { uid, gid: /^\d+$/.test(user) ? uid : gid };
}

function readMode(text: string): number {
  if (!/^[0-7]{3,4}$/.test(text)) throw notImplemented(`--chmod=${text}`);
  return Number.parseInt(text, 8);
}

function notImplemented(what: string): BuildFailure {
  return new BuildFailure(`the emulator does not implement ${what}`);
}
