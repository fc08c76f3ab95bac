import type { DoctorCheck, DoctorOptions } from "../../contract/doctor.ts";
import type { Deadline } from "../../core/deadline.ts";
import {
  Examination,
  type Finding,
  healthy,
  sick,
  unseen,
} from "../../core/provider/examination.ts";
import { doctorOwner, noProbe, probeSandbox } from "../../core/provider/probe-sandbox.ts";
import { ourLabels } from "../../core/sandbox-identity.ts";
import type { Transport } from "../../core/transport.ts";
import { DaytonaBackend } from "./daytona-backend.ts";
import type { ResolvedDaytonaConfig } from "./daytona-config.ts";
import { classifyDaytonaError } from "./daytona-errors.ts";
import { getJson, type JsonAnswer, throwIfRefused } from "./daytona-http.ts";
import { lookAtRuntime } from "./daytona-runtime.ts";

interface ServerConfig {
  readonly version?: unknown;
  readonly proxyToolboxUrl?: unknown;
  readonly proxyTemplateUrl?: unknown;
}

const neededRights = ["write:sandboxes", "delete:sandboxes"];
const usefulRights = [
  "write:snapshots",
  "delete:snapshots",
  "read:volumes",
  "write:volumes",
  "delete:volumes",
];

/** What can be wrong between this machine and a Daytona server, from the outside to the inside. */
export async function examineDaytona(
  config: ResolvedDaytonaConfig,
  transport: Transport,
  options: DoctorOptions,
  deadline: Deadline,
): Promise<DoctorCheck[]> {
  const { signal } = deadline;
  const examination = new Examination(deadline);
  const ask = (path: string, anonymous = false): Promise<JsonAnswer> =>
    reach(() => getJson(config, path, signal, { anonymous }), signal);
  let server: ServerConfig = {};
  let rights: readonly string[] | undefined;

  await examination.check("runtime", [], () => lookAtRuntime(process.env));
  await examination.check("address", [], async () => {
    const answer = await ask("/config", true);
    server = (answer.body ?? {}) as ServerConfig;
    return judgeAddress(config.apiUrl, answer, server);
  });
  await examination.check("key", ["address"], async () => {
    const answer = await ask("/api-keys/current");
    throwIfRefused(answer);
    const { name, permissions, expiresAt } = (answer.body ?? {}) as Record<string, unknown>;
    if (answer.status === 200 && Array.isArray(permissions)) {
      rights = permissions.map(String);
      const end = typeof expiresAt === "string" ? ` until ${expiresAt}` : "";
      return healthy(`The key ${JSON.stringify(name)} is valid${end}.`);
    }
    throwIfRefused(await ask("/sandbox?limit=1"));
    return healthy("The key is valid.");
  });
  await examination.check("rights", ["key"], () => judgeRights(rights));
  await examination.check("sdk", ["key"], async () => {
    const sandboxes = await transport.list(ourLabels(undefined), { signal });
    return healthy(`The SDK works; the key sees ${sandboxes.length} sandboxes of this library.`);
  });
  await examination.check("organization", ["key"], async () =>
    judgeOrganization(config, await ask("/sandbox?limit=1")),
  );
  await examination.check("region", ["key"], async () =>
    judgeRegion(config.target, [await ask("/regions"), await ask("/shared-regions")]),
  );
  await examination.check("toolbox", ["address"], () =>
    lookAtProxy("toolbox", server.proxyToolboxUrl, signal),
  );
  await examination.check("preview", ["address"], () =>
    lookAtProxy("preview", previewAddress(server.proxyTemplateUrl), signal),
  );
  if (options.probeSandbox === true) {
    const makeBackend = () =>
      new DaytonaBackend({
        apiKey: config.apiKey,
        apiUrl: config.apiUrl,
        organizationId: config.organizationId,
        target: config.target,
        sdk: config.sdk,
        owner: doctorOwner,
        workDir: "~/workspace",
        // It ends by itself when this process dies before it is deleted.
        idle: { autoStopMinutes: 5, autoDeleteMinutes: 5 },
      });
    await probeSandbox(examination, ["key", "rights", "sdk"], makeBackend, deadline);
  } else {
    await examination.check("sandbox", [], noProbe);
  }
  return examination.checks;
}

async function reach<Value>(run: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
  try {
    return await run();
  } catch (error) {
    signal.throwIfAborted();
    throw classifyDaytonaError(error, "api");
  }
}

function judgeAddress(apiUrl: string, answer: JsonAnswer, server: ServerConfig): Finding {
  if (answer.status >= 300 && answer.status < 400) {
    const to = answer.location === undefined ? "elsewhere" : `to ${answer.location.split("?")[0]}`;
    return sick(`${apiUrl} redirects ${to}.`, "Set `apiUrl` to where the API itself is.");
  }
  if (typeof server.version === "string") {
    return healthy(`${apiUrl} is a Daytona API of version ${server.version}.`);
  }
  const { origin, pathname } = new URL(apiUrl);
  const advice = pathname.endsWith("/api")
    ? "Check host and port of `apiUrl` (or DAYTONA_API_URL)."
    : `\`apiUrl\` ends in /api as a rule: try ${origin}/api.`;
  const what = answer.isPage ? "a web page" : `no API of Daytona (status ${answer.status})`;
  return sick(`At ${apiUrl} there is ${what}.`, advice);
}

function judgeRights(rights: readonly string[] | undefined): Finding {
  if (rights === undefined) {
    return unseen(
      "The server does not say what the key may do.",
      "`probeSandbox: true`, or `--probe` on the command line, finds out.",
    );
  }
  const missing = neededRights.filter((right) => !rights.includes(right));
  const unused = usefulRights.filter((right) => !rights.includes(right));
  const note = unused.length === 0 ? "" : ` It lacks ${unused.join(", ")}.`;
  return missing.length === 0
    ? healthy(`The key may create and delete sandboxes.${note}`)
    : sick(
        `The key lacks ${missing.join(" and ")}.${note}`,
        "Make a key with these permissions in the dashboard. Without the right to delete, sandboxes are left behind.",
      );
}

function judgeOrganization({ organizationId }: ResolvedDaytonaConfig, answer: JsonAnswer): Finding {
  throwIfRefused(answer);
  const items = (answer.body as { items?: { organizationId?: unknown }[] } | undefined)?.items;
  const actual = items?.[0]?.organizationId;
  if (typeof actual !== "string") return unseen("It has no sandbox yet that would tell.");
  if (organizationId === undefined || organizationId === actual) {
    return healthy(`The key belongs to organisation ${actual}.`);
  }
  return sick(
    `The key belongs to organisation ${actual}, and the config names ${organizationId}.`,
    "Use a key of that organisation, or correct `organizationId` (or DAYTONA_ORGANIZATION_ID).",
  );
}

function judgeRegion(target: string, answers: readonly JsonAnswer[]): Finding {
  const regions = answers.flatMap(({ status, body }) =>
    status === 200 && Array.isArray(body) ? (body as { id?: unknown; name?: unknown }[]) : [],
  );
  if (regions.length === 0) return unseen("The server does not tell its regions.");
  const names = regions.map(({ id, name }) => (id === name ? String(id) : `${id} (${name})`));
  return regions.some(({ id, name }) => id === target || name === target)
    ? healthy(`There is a region ${target}.`)
    : sick(
        `There is no region ${target} for this key.`,
        `Set \`target\` (or DAYTONA_TARGET) to one of: ${[...new Set(names)].join(", ")}.`,
      );
}

/** A host name below the preview domain that belongs to no sandbox. */
function previewAddress(template: unknown): string | undefined {
  if (typeof template !== "string") return undefined;
  return template.replaceAll("{{PORT}}", "3000").replaceAll("{{sandboxId}}", "doctor");
}

/** Any answer proves that the proxy is there: the request names no sandbox and carries no key. */
async function lookAtProxy(name: string, address: unknown, signal: AbortSignal): Promise<Finding> {
  if (typeof address !== "string" || !URL.canParse(address)) {
    return unseen(`The server does not say where its ${name} proxy is.`);
  }
  const url = new URL(address);
  const { host } = url;
  // Such names mean this machine (RFC 6761), and not every resolver knows that.
  if (url.hostname.endsWith(".localhost")) url.hostname = "127.0.0.1";
  try {
    const response = await fetch(url, { redirect: "manual", signal });
    await response.body?.cancel();
    return healthy(`The ${name} proxy answers at ${host}.`);
  } catch (error) {
    signal.throwIfAborted();
    const { code } = (error as { cause?: { code?: unknown } }).cause ?? {};
    return sick(
      `The API answers, and the ${name} proxy at ${host} does not (${String(code ?? error)}).`,
      "Check DNS and the firewall for that host; on a server of your own, the address of its proxy.",
    );
  }
}
