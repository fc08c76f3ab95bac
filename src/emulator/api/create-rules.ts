import { isIPv4 } from "node:net";
import { ApiError } from "../http/api-error.ts";
import type { ServerProfile } from "../server-profile.ts";
import type { CreateSandboxBody } from "../wire/create-sandbox-schema.ts";

export const defaultSnapshot = "daytonaio/sandbox:0.6.0";
export const defaultTarget = "us";
export const longestAutoArchiveMinutes = 43_200;

const htmlTag = /<[a-zA-Z/][^>]*>?/;
const urlStart = /\b(?:[a-z]+:\/\/|javascript:|data:|mailto:|tel:|www\.)/i;
const controlCharacter = /\p{Cc}/u;

const mostListEntries = 10;
const systemDirectories = [
  "/proc",
  "/sys",
  "/dev",
  "/boot",
  "/etc",
  "/bin",
  "/sbin",
  "/lib",
  "/lib64",
];

/** Refuses what Daytona refuses, with its texts (Daytona v0.190 API, sandbox controller and service). */
export function checkCreateRules(body: CreateSandboxBody, profile: ServerProfile): void {
  checkName(body.name);
  checkSource(body, profile);
  checkIntervals(body, profile);
  if (body.target !== undefined && body.target !== defaultTarget)
    throw new ApiError(404, "Region not found");
  if (body.networkAllowList !== undefined) checkNetworkAllowList(body.networkAllowList);
  if (body.domainAllowList !== undefined) checkDomainAllowList(body.domainAllowList);
  for (const volume of body.volumes ?? []) checkVolume(volume);
}

function checkName(name: string | undefined): void {
  if (name !== undefined) checkDisplayName(name);
}

export function checkDisplayName(name: string): void {
  const unsafe = [htmlTag, urlStart, controlCharacter];
  if (unsafe.some((pattern) => pattern.test(name)))
    throw new ApiError(400, "name must not contain HTML tags, URLs, or control characters");
}

function checkSource(body: CreateSandboxBody, profile: ServerProfile): void {
  if (body.buildInfo === undefined) {
    if (body.cpu || body.gpu || body.memory || body.disk)
      throw new ApiError(400, "Cannot specify Sandbox resources when using a snapshot");
  } else if (body.snapshot !== undefined) {
    throw new ApiError(400, "Cannot specify a snapshot when using a build info entry");
  }
  if (body.linkedSandbox !== undefined) refuse("linkedSandbox");
  if (body.gpu) throw new ApiError(400, "No available runners");
  if (!profile.newerRoutes) return;
  if (body.spot) refuse("spot");
  if (body.kvm) refuse("kvm");
}

function checkIntervals(body: CreateSandboxBody, profile: ServerProfile): void {
  if ((body.autoStopInterval ?? 0) < 0)
    throw new ApiError(400, "Auto-stop interval must be non-negative");
  if ((body.autoArchiveInterval ?? 0) < 0)
    throw new ApiError(400, "Auto-archive interval must be non-negative");
  if (profile.newerRoutes && (body.autoPauseInterval ?? 0) < 0)
    throw new ApiError(400, "Auto-pause interval must be non-negative");
}

export function checkNetworkAllowList(list: string): void {
  const networks = list.split(",").map((network) => network.trim());
  for (const network of networks) {
    if (network === "") continue;
    const [address = "", prefix] = network.split("/");
    if (!isIPv4(address))
      throw new ApiError(
        400,
        `Invalid IP address: "${address}" in network "${network}". Must be a valid IPv4 address`,
      );
    if (!prefix)
      throw new ApiError(
        400,
        `Invalid network format: "${network}". Missing CIDR prefix length (e.g., /24)`,
      );
    const length = Number.parseInt(prefix, 10);
    if (length < 0 || length > 32)
      throw new ApiError(
        400,
        `Invalid CIDR prefix length: ${network}. Prefix must be between 0 and 32`,
      );
  }
  if (networks.length > mostListEntries)
    throw new ApiError(400, "Network allow list cannot contain more than 10 networks");
}

export function checkDomainAllowList(list: string): void {
  const domains = list.split(",").map((domain) => domain.trim());
  const pattern = /^(\*\.)?([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,}$/;
  const bad = domains.find((domain) => domain !== "" && !pattern.test(domain));
  if (bad !== undefined)
    throw new ApiError(400, `Invalid domain: "${bad}". Must be a valid domain name`);
  if (domains.length > mostListEntries)
    throw new ApiError(400, "Domain allow list cannot contain more than 10 domains");
}

function checkVolume({
  mountPath,
  subpath,
}: NonNullable<CreateSandboxBody["volumes"]>[number]): void {
  const bad = (why: string) => new ApiError(400, `Invalid mount path ${mountPath} (${why})`);
  if (!mountPath.startsWith("/")) throw bad("must be absolute");
  if (mountPath === "/" || mountPath === "//") throw bad("cannot mount to the root directory");
  if (/\/\.{1,2}(\/|$)/.test(mountPath)) throw bad("cannot contain relative path components");
  if (mountPath.slice(1).includes("//")) throw bad("cannot contain consecutive slashes");
  if (systemDirectories.some((dir) => mountPath === dir || mountPath.startsWith(`${dir}/`)))
    throw bad("cannot mount to system directory");
  if (subpath?.startsWith("/"))
    throw new ApiError(400, `Invalid subpath "${subpath}" (S3 key prefixes cannot start with /)`);
  if (subpath?.includes(".."))
    throw new ApiError(400, `Invalid subpath "${subpath}" (cannot contain .. for security)`);
  if (subpath?.includes("//"))
    throw new ApiError(400, `Invalid subpath "${subpath}" (cannot contain consecutive slashes)`);
}

function refuse(feature: string): never {
  throw new ApiError(501, `The emulator does not implement ${feature} of POST /sandbox`);
}
