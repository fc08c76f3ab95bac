import { sep } from "node:path";

/**
 * The path of each source in the uploaded archive: the shortest end of its absolute path that is nobody else's, so that the
 * same files are the same image wherever they lie. (The SDK makes archives of a path's end only.)
 */
export function archivePaths(sources: readonly string[]): string[] {
  const parts = sources.map((source) => source.split(sep).filter((part) => part !== ""));
  const lengths = parts.map(() => 1);
  const pathOf = (index: number): string =>
    (parts[index] ?? []).slice(-(lengths[index] ?? 1)).join("/");
  for (let changed = true; changed; ) {
    changed = false;
    for (const index of sources.keys()) {
      const isTaken = [...sources.keys()].some(
        (other) =>
          sources[other] !== sources[index] &&
          overlap(pathOf(index), pathOf(other)) &&
          relation(sources, index, other) !==
            relation([...sources.keys()].map(pathOf), index, other),
      );
      // The archiver takes a name that begins with @ for an archive to put in.
      const isMisread = pathOf(index).startsWith("@");
      const canGrow = (lengths[index] ?? 1) < (parts[index]?.length ?? 0);
      if ((isTaken || isMisread) && canGrow) {
        lengths[index] = (lengths[index] ?? 1) + 1;
        changed = true;
      }
    }
  }
  return sources.map((_, index) => pathOf(index));
}

function overlap(one: string, other: string): boolean {
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);
}

/** What one path adds to the other that it lies in; undefined when neither lies in the other. */
function relation(paths: readonly string[], index: number, other: number): string | undefined {
  const [one = "", two = ""] = [paths[index], paths[other]];
  if (`${one}/`.startsWith(`${two}/`)) return one.slice(two.length);
  if (`${two}/`.startsWith(`${one}/`)) return two.slice(one.length);
  return undefined;
}
