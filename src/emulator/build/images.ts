import { createHash } from "node:crypto";
import type { ObjectStore } from "../object-storage/object-store.ts";
import type { BuildRecord } from "../state/sandbox-record.ts";
import { loadContext } from "./build-context.ts";
import { BuildLog } from "./build-log.ts";
import type { ImageBuilder } from "./image-builder.ts";
import type { BuiltImage } from "./image-config.ts";

export interface BuildRequest {
  readonly organizationId: string;
  readonly dockerfileContent: string;
  readonly contextHashes: readonly string[];
}

/** One build, which all that ask for the same image share while it lasts and after it has succeeded. */
export interface Build {
  readonly log: BuildLog;
  readonly image: Promise<BuiltImage>;
}

/** Name of an image by what it is built from (Daytona v0.190 API, build info). */
function snapshotRefOf(dockerfileContent: string, contextHashes: readonly string[]): string {
  const combined = dockerfileContent + [...contextHashes].sort().join("");
  return `daytona-${createHash("sha256").update(combined).digest("hex")}:daytona`;
}

export function buildRecord(
  {
    dockerfileContent,
    contextHashes = [],
  }: { readonly dockerfileContent: string; readonly contextHashes?: readonly string[] | undefined },
  now: Date,
): BuildRecord {
  const snapshotRef = snapshotRefOf(dockerfileContent, contextHashes);
  return { dockerfileContent, contextHashes, snapshotRef, createdAt: now.toISOString() };
}

/** The images that were built, by their names. */
export class Images {
  readonly #builder: ImageBuilder;
  readonly #objects: ObjectStore;
  readonly #builds = new Map<string, Build>();
  readonly #finished = new Set<string>();
  readonly #closing = new AbortController();

  constructor(builder: ImageBuilder, objects: ObjectStore) {
    this.#builder = builder;
    this.#objects = objects;
  }

  isBuilt(snapshotRef: string): boolean {
    return this.#finished.has(snapshotRef);
  }

  logOf(snapshotRef: string): BuildLog | undefined {
    return this.#builds.get(snapshotRef)?.log;
  }

  /** Builds an image, unless that is being done or has been done. One that failed is built anew. */
  build(snapshotRef: string, request: BuildRequest): Build {
    const known = this.#builds.get(snapshotRef);
    if (known && !this.#failed.has(known)) return known;
    const log = new BuildLog();
    const build: Build = { log, image: this.#run(snapshotRef, request, log) };
    build.image.catch(() => this.#failed.add(build));
    this.#builds.set(snapshotRef, build);
    return build;
  }

  readonly #failed = new WeakSet<Build>();

  /** Ends the builds that are under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([...this.#builds.values()].map(({ image }) => image));
  }

  async #run(snapshotRef: string, request: BuildRequest, log: BuildLog): Promise<BuiltImage> {
    try {
      const { organizationId, dockerfileContent, contextHashes } = request;
      const context = await loadContext(this.#objects, organizationId, contextHashes);
      const { signal } = this.#closing;
      const image = await this.#builder.build(dockerfileContent, context, log, signal);
      this.#finished.add(snapshotRef);
      return image;
    } catch (error) {
      log.line(`ERROR: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    } finally {
      log.end();
    }
  }
}
