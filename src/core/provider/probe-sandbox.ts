import type { Backend } from "../../contract/backend.ts";
import type { Deadline } from "../deadline.ts";
import { type Examination, type Finding, healthy, sick, unseen } from "./examination.ts";

/** Owner of the sandboxes that `doctor` makes, so that one that is left behind can be swept. */
export const doctorOwner = "sandbox-backend.doctor";

/** A port on which nothing listens as a rule: what answers then is the provider's proxy. */
const silentPort = 48_217;

/** What is found of a sandbox that nobody asked for. */
export function noProbe(): Finding {
  return unseen(
    "No sandbox was made.",
    "Ask for it with `probeSandbox: true`, or `--probe` on the command line.",
  );
}

/** Makes a sandbox, uses it, and deletes it. */
export async function probeSandbox(
  examination: Examination,
  needs: readonly string[],
  makeBackend: () => Backend,
  deadline: Deadline,
): Promise<void> {
  await using backend = makeBackend();
  const call = { signal: deadline.signal };
  try {
    await examination.check("sandbox", needs, async () => {
      await backend.setup({ ...call, timeoutMs: Math.ceil(deadline.remainingMs) });
      return healthy(`A sandbox was made and answers (${backend.sandboxId}).`);
    });
    await examination.check("command", ["sandbox"], async () => {
      const { stdout } = await backend.exec(["printf", "%s", "Grüße"], call);
      return stdout === "Grüße"
        ? healthy("A command ran, and its output came back.")
        : sick("A command's output came back changed.", "Report this as a bug.");
    });
    await examination.check("sandbox-preview", ["sandbox"], () => lookAtPreview(backend, deadline));
  } finally {
    if (backend.sandboxId !== undefined) {
      await examination.check("clean-up", ["sandbox"], async () => {
        await backend.teardown(call);
        return healthy("The sandbox was deleted.");
      });
    }
  }
}

async function lookAtPreview(backend: Backend, { signal }: Deadline): Promise<Finding> {
  if (backend.capabilities.ports === "none") return unseen("This backend has no previews.");
  const preview = await backend.getPreviewUrl(silentPort, { signal });
  const { host } = new URL(preview.url);
  try {
    const { status } = await fetch(preview.url, {
      headers: preview.headers,
      redirect: "manual",
      signal,
    });
    return status >= 300 && status < 400
      ? sick(
          `The preview proxy does not accept the address that was made for it (status ${status}).`,
          "Check that the clocks of server and proxy agree, and that the proxy belongs to this server.",
        )
      : healthy(`The preview proxy answers at ${withoutToken(host)}.`);
  } catch (error) {
    signal.throwIfAborted();
    const code = (error as { cause?: { code?: unknown } }).cause?.code;
    // On this machine no proxy stands between, and nothing listens on that port.
    if (code === "ECONNREFUSED" && backend.type === "local") {
      return healthy("A preview address leads to this machine itself.");
    }
    return sick(
      `The preview address at ${withoutToken(host)} cannot be reached (${String(code ?? error)}).`,
      "Check DNS for the preview domain, with a wildcard on a server of your own, and the firewall.",
    );
  }
}

/** The first label of a preview's host name can be its credential. */
function withoutToken(host: string): string {
  return host.includes(".") && !/^[\d.:]+$/.test(host) ? host.replace(/^[^.]+/, "*") : host;
}
