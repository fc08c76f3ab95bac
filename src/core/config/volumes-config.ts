import * as z from "zod/mini";
import type { VolumeConfig } from "../../contract/config.ts";
import { lazily } from "./lazily.ts";

const text = (error: string, isValid: (value: string) => boolean) =>
  z.string().check(z.refine(isValid, { error }));

export const volumesSchema = lazily(() =>
  z.array(
    z.strictObject({
      name: text("a name of letters, digits, spaces and _.-/", isVolumeName),
      mountPath: text(
        "an absolute, normal path, not / and not a directory of the system",
        isMountPath,
      ),
      subpath: z.optional(text("a relative, normal path without ..", isSubpath)),
      create: z.optional(z.boolean()),
    }),
  ),
);

/** Daytona refuses markup, URLs and control characters; what it shows as a name is left. */
function isVolumeName(value: string): boolean {
  return (
    /^[\p{L}\p{N}][\p{L}\p{N} _./-]*$/u.test(value) && !value.includes("//") && value.length <= 200
  );
}

const systemDirectories =
  /^\/(proc|sys|dev|run|boot|etc|bin|sbin|lib|lib32|lib64|libx32|usr)(\/|$)/;

function isMountPath(value: string): boolean {
  return value.startsWith("/") && isSubpath(value.slice(1)) && !systemDirectories.test(value);
}

function isSubpath(value: string): boolean {
  if (/\p{Cc}/u.test(value) || !value.isWellFormed()) return false;
  return value.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/** Mounts that would hide each other, or what `setup` makes. */
export function checkVolumes(config: {
  readonly volumes?: readonly VolumeConfig[] | undefined;
  readonly workDir?: string | undefined;
}): { readonly path: string; readonly expected: string } | undefined {
  const { volumes = [], workDir = "/workspace" } = config;
  for (const [index, { mountPath }] of volumes.entries()) {
    const path = `volumes.${index}.mountPath`;
    const others = volumes.filter((_, other) => other !== index);
    if (others.some((other) => isWithin(other.mountPath, mountPath)))
      return { path, expected: "a path in which no other volume is mounted" };
    if (isWithin(mountPath, workDir))
      return {
        path,
        expected:
          "a path outside `workDir`, which must be empty for the clone; a link from there can lead to the volume",
      };
  }
  return undefined;
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** For the fingerprint: a sandbox with other volumes is another sandbox. */
export function volumesText(volumes: readonly VolumeConfig[] | undefined): string | undefined {
  if (volumes === undefined || volumes.length === 0) return undefined;
  const mounts = volumes.map(({ name, mountPath, subpath }) => [mountPath, name, subpath ?? ""]);
  return `volumes ${JSON.stringify(mounts.toSorted())}`;
}
