import type { FileInfo } from "@daytona/toolbox-api-client";
import type { EngineFileInfo } from "../../engine/engine-types.ts";
import type { ServerProfile } from "../server-profile.ts";

/** FileInfo of the daemon. Only the newer one tells the path. */
export function fileInfoDto(info: EngineFileInfo, path: string, profile: ServerProfile): FileInfo {
  const iso = info.modifiedAt.toISOString();
  const fraction = trimmedFraction(iso);
  return {
    name: info.name,
    ...(profile.newerRoutes ? { path } : {}),
    size: info.sizeBytes,
    mode: goModeText(info),
    permissions: (info.mode & 0o777).toString(8).padStart(4, "0"),
    isDir: info.type === "directory",
    modTime: `${iso.slice(0, 10)} ${iso.slice(11, 19)}${fraction} +0000 UTC`,
    modifiedAt: `${iso.slice(0, 19)}${fraction}Z`,
    owner: String(info.uid),
    group: String(info.gid),
  };
}

// Go prints no trailing zeros, and no fraction when it is zero.
function trimmedFraction(iso: string): string {
  const digits = iso.slice(20, 23).replace(/0+$/, "");
  return digits === "" ? "" : `.${digits}`;
}

/** Mode as Go prints it: type and special bits first, then nine permission letters. */
function goModeText({ type, mode }: EngineFileInfo): string {
  const kinds = { directory: "d", symlink: "L", file: "", other: "D" } as const;
  const special = `${mode & 0o4000 ? "u" : ""}${mode & 0o2000 ? "g" : ""}${mode & 0o1000 ? "t" : ""}`;
  const letters = [..."rwxrwxrwx"].map((letter, index) => (mode & (0o400 >> index) ? letter : "-"));
  return `${kinds[type]}${special}`.padStart(1, "-") + letters.join("");
}
