import * as z from "zod/mini";
import { lazily } from "../../core/config/lazily.ts";
import type { UnmetOption } from "../../core/transport.ts";
import type { DaytonaSandbox } from "./daytona-sdk.ts";

/** What the sandbox may reach. With none of them the organisation's own rule holds. */
export interface DaytonaNetwork {
  /** Nothing outside is reached. Not together with the lists. */
  readonly blockAll?: boolean | undefined;
  /** At most 10 IPv4 networks, such as `10.0.0.0/8`; only these are reached. */
  readonly allowList?: readonly string[] | undefined;
  /** At most 10 domains, such as `github.com` or `*.npmjs.org`. Server 0.190 does not enforce it, and `setup` refuses it there. */
  readonly domainAllowList?: readonly string[] | undefined;
}

/** What Daytona makes a sandbox with, beside its source. */
export interface DaytonaSandboxOptions {
  /** User of the sandbox. `setup` fails when commands run as another one, as on server 0.190 unless it is the image's. */
  readonly user?: string | undefined;
  /** What Daytona's own `code-run` understands. Default: `python`. */
  readonly language?: "python" | "typescript" | "javascript" | undefined;
  readonly network?: DaytonaNetwork | undefined;
  /** Whether preview addresses work without a credential. Default: false. */
  readonly public?: boolean | undefined;
}

/** The limits are those of Daytona's API (v0.190, `networkAllowList` and `domainAllowList`). */
const mostEntries = 10;
const domain = /^(\*\.)?([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,}$/;
/** Of zod: `node:net` would take a fifth of an import's time. */
const network = z.core.regexes.cidrv4;
const languageLabel = "code-toolbox-language";
/** The last server that stores a list of domains and does not enforce it. */
const lastWithoutDomains = [0, 190] as const;

function entries(expected: string, isValid: (value: string) => boolean) {
  return z.array(z.string().check(z.refine(isValid, { error: expected }))).check(
    z.refine((list) => list.length >= 1 && list.length <= mostEntries, {
      error: `1 to ${mostEntries} entries`,
    }),
  );
}

export const daytonaSandboxShape = lazily(() => ({
  user: z.optional(
    z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, { error: "the name of a user" })),
  ),
  language: z.optional(z.enum(["python", "typescript", "javascript"])),
  network: z.optional(
    z.strictObject({
      blockAll: z.optional(z.boolean()),
      allowList: z.optional(
        entries("an IPv4 network with its prefix length, such as 10.0.0.0/8", (value) =>
          network.test(value),
        ),
      ),
      domainAllowList: z.optional(
        entries("a domain, such as github.com or *.npmjs.org", (value) => domain.test(value)),
      ),
    }),
  ),
  public: z.optional(z.boolean()),
}));

export function checkSandboxOptions({
  network,
}: DaytonaSandboxOptions): { path: string; expected: string } | undefined {
  const hasList = network?.allowList !== undefined || network?.domainAllowList !== undefined;
  return network?.blockAll === true && hasList
    ? {
        path: "network.blockAll",
        expected: "no lists beside it: Daytona lets a list end the block",
      }
    : undefined;
}

/** The options as the SDK's `create` takes them. */
export function sandboxParams(options: DaytonaSandboxOptions): Record<string, unknown> {
  const { user, language, network } = options;
  const params = {
    user,
    language,
    public: options.public,
    networkBlockAll: network?.blockAll,
    networkAllowList: network?.allowList?.join(","),
    domainAllowList: network?.domainAllowList?.join(","),
  };
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
}

interface Asked extends DaytonaSandboxOptions {
  readonly target: string;
  readonly resources?:
    | {
        readonly cpu?: number | undefined;
        readonly memoryGiB?: number | undefined;
        readonly diskGiB?: number | undefined;
      }
    | undefined;
}

/** What was asked for and is not so. Servers ignore options that they do not know, without an error. */
export function unmetDaytonaOptions(asked: Asked, sandbox: DaytonaSandbox): UnmetOption[] {
  const { network, resources, language } = asked;
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ["target", asked.target, sandbox.target],
    ["resources.cpu", resources?.cpu, sandbox.cpu],
    ["resources.memoryGiB", resources?.memoryGiB, sandbox.memory],
    ["resources.diskGiB", resources?.diskGiB, sandbox.disk],
    ["user", asked.user, sandbox.user],
    ["language", language, sandbox.labels?.[languageLabel]],
    ["public", asked.public, sandbox.public],
    ["network.blockAll", network?.blockAll, sandbox.networkBlockAll],
    ["network.allowList", sortedList(network?.allowList), sortedList(sandbox.networkAllowList)],
    [
      "network.domainAllowList",
      sortedList(network?.domainAllowList),
      enforcesDomains(sandbox)
        ? sortedList(sandbox.domainAllowList)
        : "not enforced by this server",
    ],
  ];
  return pairs.flatMap(([path, wanted, actual]) =>
    wanted === undefined || wanted === actual
      ? []
      : [{ path, asked: String(wanted), actual: String(actual ?? "nothing") }],
  );
}

function sortedList(list: string | readonly string[] | undefined | null): string | undefined {
  const all = typeof list === "string" ? list.split(",") : list;
  const words = all?.map((word) => word.trim()).filter((word) => word !== "");
  return words?.toSorted().join(",");
}

function enforcesDomains({ daemonVersion }: DaytonaSandbox): boolean {
  const [major, minor] = (daemonVersion ?? "").replace(/^v/, "").split(".").map(Number);
  if (major === undefined || minor === undefined || Number.isNaN(major + minor)) return true;
  const [lastMajor, lastMinor] = lastWithoutDomains;
  return major > lastMajor || minor > lastMinor;
}
