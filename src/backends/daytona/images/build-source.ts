import type { Dirent, Stats } from "node:fs";
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { basename, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { ImageData, SdkImage } from "../../../contract/image.ts";
import { ConfigError } from "../../../contract/provider-errors.ts";
import { archivePaths } from "./archive-paths.ts";
import { dockerfileText } from "./dockerfile-text.ts";
import { isSdkImage } from "./image-data.ts";

/** The bases that a Dockerfile names, without those that are stages or variables of its own. */
export function baseImages(image: ImageData | SdkImage): string[] {
  if (!isSdkImage(image)) return [image.base];
  const stages = new Set<string>();
  const bases: string[] = [];
  for (const [, base = "", stage] of image.dockerfile.matchAll(
    /^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/gim,
  )) {
    if (!stages.has(base.toLowerCase()) && base !== "scratch" && !base.includes("$"))
      bases.push(base);
    if (stage !== undefined) stages.add(stage.toLowerCase());
  }
  return bases;
}

/**
 * Looks at all local files that an image needs, and says what is to be built. No request.
 *
 * @throws {@link ConfigError} for a source that is missing, that cannot be read, that lies outside of `contextDirectory`, or
 * that holds symbolic links, of which Daytona's builder would make empty files.
 */
export async function prepareImage(
  image: ImageData | SdkImage,
  option = "imageBuilder",
): Promise<SdkImage> {
  if (isSdkImage(image)) {
    for (const { sourcePath } of image.contextList) await checkSource(sourcePath, option);
    return image;
  }
  const copies = await Promise.all(
    (image.copy ?? []).map(async ({ from, to }, index) => {
      const path = `${option}.copy.${index}.from`;
      const source = resolve(image.contextDirectory ?? process.cwd(), from);
      const facts = await checkSource(source, path);
      const real = await realpath(source);
      if (image.contextDirectory !== undefined)
        checkInside(real, await realpath(image.contextDirectory), path);
      const keepsName = facts.isFile() && /(^|\/)\.{0,2}$/.test(to);
      return { real, target: keepsName ? join(to, basename(source)) : to };
    }),
  );
  const archived = archivePaths(copies.map(({ real }) => real));
  const placed = copies.map(({ target }, index) => ({ source: archived[index] ?? "", target }));
  return {
    dockerfile: dockerfileText(image, placed),
    contextList: copies.map(({ real }, index) => ({
      sourcePath: real,
      archivePath: archived[index] ?? "",
    })),
  };
}

async function checkSource(source: string, path: string): Promise<Stats> {
  let facts: Stats;
  try {
    facts = await stat(source);
  } catch (cause) {
    throw refused(path, `a file or directory that exists; there is no ${source}`, cause);
  }
  if (facts.isDirectory()) await checkTree(source, path);
  else if (!facts.isFile()) throw refused(path, `a file or directory; ${source} is neither`);
  return facts;
}

async function checkTree(directory: string, path: string): Promise<void> {
  let entries: Dirent[];
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (cause) {
    throw refused(path, `a directory that can be read; ${directory} cannot`, cause);
  }
  for (const entry of entries) {
    const inside = join(directory, entry.name);
    if (entry.isDirectory()) await checkTree(inside, path);
    else if (!entry.isFile()) {
      const kind = (await lstat(inside)).isSymbolicLink() ? "a symbolic link" : "no ordinary file";
      throw refused(
        path,
        `files and directories alone; ${inside} is ${kind}, of which Daytona's builder would make an empty file`,
      );
    }
  }
}

function checkInside(real: string, context: string, path: string): void {
  const way = relative(context, real);
  if (way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way))
    throw refused(
      path,
      `a path inside of \`contextDirectory\`; ${real} lies outside of ${context}`,
    );
}

function refused(path: string, expected: string, cause?: unknown): ConfigError {
  return new ConfigError(`The image cannot be built. \`${path}\`: expected ${expected}.`, {
    path,
    cause,
  });
}
