import { ConnectionError } from "../../../contract/provider-errors.ts";
import type { BuildLogSource, TransportCall } from "../../../core/transport.ts";
import type { ResolvedDaytonaConfig } from "../daytona-config.ts";
import { getJson } from "../daytona-http.ts";

type Access = Pick<ResolvedDaytonaConfig, "apiUrl" | "apiKey">;

/** The log of the build of a sandbox's or a snapshot's image. The SDK has no call for it outside of its own waiting. */
export class DaytonaBuildLog implements BuildLogSource {
  readonly #access: Access;
  readonly #path: string;

  constructor(access: Access, of: "sandbox" | "snapshots", id: string) {
    this.#access = access;
    this.#path = `/${of}/${encodeURIComponent(id)}/build-logs-url`;
  }

  async open(
    { follow }: { readonly follow: boolean },
    { signal }: TransportCall,
  ): Promise<ReadableStream<Uint8Array>> {
    const url = new URL(await this.#address(signal));
    if (follow) url.searchParams.set("follow", "true");
    const response = await fetch(url, {
      headers: { Authorization: `Bearer ${this.#access.apiKey}` },
      // The key must not follow a redirect to another host.
      redirect: "manual",
      signal,
    });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      throw new ConnectionError(`The build log answered with status ${response.status}.`, {
        retryable: true,
      });
    }
    return response.body;
  }

  async #address(signal: AbortSignal): Promise<string> {
    const { status, body } = await getJson(this.#access, this.#path, signal);
    const url = (body as { url?: unknown } | undefined)?.url;
    if (status === 200 && typeof url === "string" && URL.canParse(url)) return url;
    throw new ConnectionError(`Daytona gave no address of the build log (status ${status}).`, {
      retryable: true,
    });
  }
}
