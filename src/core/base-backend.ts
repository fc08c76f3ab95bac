import * as z from "zod/mini";
import type { AgentAddress } from "../contract/agent.ts";
import type { Backend } from "../contract/backend.ts";
import type { CallOptions } from "../contract/call-options.ts";
import type { Capabilities, ProviderCapabilities } from "../contract/capabilities.ts";
import type {
  FileContent,
  FileInfo,
  FileToWrite,
  ListFilesOptions,
  ReadFileOptions,
  RemoveOptions,
  UploadDirectoryOptions,
  WriteFileOptions,
} from "../contract/files.ts";
import type { PreviewUrl, PreviewUrlOptions } from "../contract/preview.ts";
import { UnsupportedOperationError } from "../contract/provider-errors.ts";
import type { Snapshot, SnapshotOptions } from "../contract/snapshot.ts";
import { BackendCommands } from "./backend-commands.ts";
import { callSchema, callShape, checkOptions, checkPath, checkPort } from "./check-arguments.ts";
import { lazily } from "./config/lazily.ts";
import { Deadline } from "./deadline.ts";
import { checkContent } from "./files/check-content.ts";
import { boundedStream, readWholeFile } from "./files/read-file.ts";
import {
  downloadDirectoryFromSandbox,
  type IgnoreEntry,
  uploadDirectoryToSandbox,
} from "./files/transfer-directory.ts";
import { writeFilesInSandbox } from "./files/write-files.ts";
import { unknownFacts } from "./lazy/unknown-facts.ts";
import { SandboxPreview } from "./preview/sandbox-preview.ts";
import type { Guard } from "./processes/guard.ts";
import { checkSnapshotName } from "./snapshots/check-snapshot-name.ts";
import { createSnapshot } from "./snapshots/create-snapshot.ts";

const fileTimeoutMs = 300_000;
const directoryTimeoutMs = 1_800_000;
const previewTimeoutMs = 30_000;
const snapshotTimeoutMs = 600_000;
const previewTtlMs = 3_600_000;

const modeSchema = () => z.optional(z.int().check(z.minimum(0), z.maximum(0o7777)));
const readSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    encoding: z.optional(z.literal("utf8")),
    maxBytes: z.optional(z.int().check(z.minimum(1))),
  }),
);
const writeSchema = lazily(() => z.strictObject({ ...callShape(), mode: modeSchema() }));
const listSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    depth: z.optional(z.int().check(z.minimum(1), z.maximum(100))),
  }),
);
const removeSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    recursive: z.optional(z.boolean()),
    force: z.optional(z.boolean()),
  }),
);
const uploadDirectorySchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    ignore: z.optional(
      z.custom<IgnoreEntry>((value) => typeof value === "function", { error: "a function" }),
    ),
  }),
);
const snapshotSchema = lazily(() =>
  z.strictObject({ ...callShape(), mode: z.optional(z.enum(["pause", "stop"])) }),
);
const previewSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    minTtlMs: z.optional(z.int().check(z.minimum(1))),
  }),
);

/** Every backend: checks its arguments, bounds each call, and does the work on top of the provider's transport. */
export abstract class BaseBackend extends BackendCommands implements Backend {
  protected abstract readonly providerCapabilities: ProviderCapabilities;

  get capabilities(): Capabilities {
    const { pty, separateUsers } = this.sandboxFacts ?? unknownFacts;
    return { ...this.providerCapabilities, pty, separateUsers };
  }

  async readFile(
    path: string,
    options: ReadFileOptions & { readonly encoding: "utf8" },
  ): Promise<string>;
  async readFile(
    path: string,
    options?: ReadFileOptions & { readonly encoding?: undefined },
  ): Promise<Uint8Array>;
  async readFile(path: string, options?: ReadFileOptions): Promise<string | Uint8Array> {
    const { encoding, maxBytes, ...call } = this.#check("readFile", readSchema, options);
    return this.bounded("readFile", call, fileTimeoutMs, async (deadline) => {
      const checkedPath = this.#path(path);
      const { files } = this.attachment("readFile");
      return readWholeFile(files, checkedPath, { encoding, maxBytes }, deadline);
    });
  }

  async readFileStream(path: string, options?: CallOptions): Promise<ReadableStream<Uint8Array>> {
    return this.guard("readFileStream", async () => {
      const { signal, timeoutMs } = this.#check("readFileStream", callSchema, options);
      const checkedPath = this.#path(path);
      // Not `using`: the deadline bounds the stream too, which outlives this call.
      const deadline = Deadline.start("readFileStream", timeoutMs ?? fileTimeoutMs, signal);
      try {
        deadline.throwIfEnded();
        const { files } = this.attachment("readFileStream");
        const { stream, sizeBytes } = await files.openRead(checkedPath, deadline);
        return boundedStream(stream, sizeBytes, checkedPath, deadline);
      } catch (error) {
        deadline[Symbol.dispose]();
        throw error;
      }
    });
  }

  async writeFile(path: string, content: FileContent, options?: WriteFileOptions): Promise<void> {
    const { mode, ...call } = this.#check("writeFile", writeSchema, options);
    await this.#write("writeFile", [{ path, content, mode }], call);
  }

  async writeFiles(files: readonly FileToWrite[], options?: CallOptions): Promise<void> {
    await this.#write("writeFiles", files, options);
  }

  async #write(
    operation: string,
    files: readonly FileToWrite[],
    options: CallOptions | undefined,
  ): Promise<void> {
    await this.bounded(operation, options, fileTimeoutMs, async (deadline) => {
      const checked = files.map((file) => ({
        path: this.#path(file.path),
        content: checkContent(file.content),
        mode: this.#check(operation, writeSchema, { mode: file.mode }).mode,
      }));
      const { channel } = this.attachment(operation);
      await writeFilesInSandbox(channel, checked, deadline);
    });
  }

  async listFiles(directory: string, options?: ListFilesOptions): Promise<FileInfo[]> {
    const { depth, ...call } = this.#check("listFiles", listSchema, options);
    return this.bounded("listFiles", call, fileTimeoutMs, (deadline) =>
      this.attachment("listFiles").files.list(
        this.#path(directory, "directory"),
        depth ?? 1,
        deadline,
      ),
    );
  }

  async stat(path: string, options?: CallOptions): Promise<FileInfo> {
    return this.bounded("stat", options, fileTimeoutMs, (deadline) =>
      this.attachment("stat").files.stat(this.#path(path), deadline),
    );
  }

  async exists(path: string, options?: CallOptions): Promise<boolean> {
    return this.bounded("exists", options, fileTimeoutMs, (deadline) =>
      this.attachment("exists").files.exists(this.#path(path), deadline),
    );
  }

  async makeDirectory(path: string, options?: CallOptions): Promise<void> {
    await this.bounded("makeDirectory", options, fileTimeoutMs, (deadline) =>
      this.attachment("makeDirectory").files.makeDirectory(this.#path(path), deadline),
    );
  }

  async remove(path: string, options?: RemoveOptions): Promise<void> {
    const { recursive, force, ...call } = this.#check("remove", removeSchema, options);
    await this.bounded("remove", call, fileTimeoutMs, (deadline) =>
      this.attachment("remove").files.remove(
        this.#path(path),
        { recursive: recursive ?? false, force: force ?? false },
        deadline,
      ),
    );
  }

  async move(source: string, destination: string, options?: CallOptions): Promise<void> {
    await this.bounded("move", options, fileTimeoutMs, (deadline) =>
      this.attachment("move").files.move(
        this.#path(source, "source"),
        this.#path(destination, "destination"),
        deadline,
      ),
    );
  }

  async uploadDirectory(
    localDirectory: string,
    destination: string,
    options?: UploadDirectoryOptions,
  ): Promise<void> {
    const { ignore, ...call } = this.#check("uploadDirectory", uploadDirectorySchema, options);
    await this.bounded("uploadDirectory", call, directoryTimeoutMs, (deadline) =>
      uploadDirectoryToSandbox(
        this.attachment("uploadDirectory"),
        localDirectory,
        this.#path(destination, "destination"),
        ignore,
        deadline,
      ),
    );
  }

  async downloadDirectory(
    source: string,
    localDirectory: string,
    options?: CallOptions,
  ): Promise<void> {
    await this.bounded("downloadDirectory", options, directoryTimeoutMs, (deadline) =>
      downloadDirectoryFromSandbox(
        this.attachment("downloadDirectory"),
        this.#path(source, "source"),
        localDirectory,
        deadline,
      ),
    );
  }

  async createSnapshot(name: string, options?: SnapshotOptions): Promise<Snapshot> {
    return this.guard("createSnapshot", async () => {
      const { mode, ...call } = this.#check("createSnapshot", snapshotSchema, options);
      const checkedName = checkSnapshotName(name);
      return this.bounded("createSnapshot", call, snapshotTimeoutMs, (deadline) => {
        const { sandboxId } = this.attachment("createSnapshot");
        const { snapshots } = this.transport;
        if (snapshots === undefined) {
          throw new UnsupportedOperationError(`The ${this.type} backend makes no snapshots.`);
        }
        const request = { sandboxId, name: checkedName, mode: mode ?? "pause" };
        return createSnapshot(this.transport, snapshots, request, deadline);
      });
    });
  }

  async getPreviewUrl(port: number, options?: PreviewUrlOptions): Promise<PreviewUrl> {
    const { minTtlMs, ...call } = this.#check("getPreviewUrl", previewSchema, options);
    return this.bounded("getPreviewUrl", call, previewTimeoutMs, async (deadline) => {
      const checkedPort = checkPort(port);
      const { sandboxId } = this.attachment("getPreviewUrl");
      const ttlMs = minTtlMs ?? previewTtlMs;
      const { transport } = this;
      const address = await transport.getPreviewUrl(sandboxId, checkedPort, ttlMs, deadline);
      const guard: Guard = (operation, run) => this.guard(operation, run);
      const parts = { transport, sandboxId, port: checkedPort, minTtlMs: ttlMs, guard };
      return new SandboxPreview(parts, address);
    });
  }

  async getAgentAddress(options?: PreviewUrlOptions): Promise<AgentAddress> {
    const { minTtlMs, ...call } = this.#check("getAgentAddress", previewSchema, options);
    return this.bounded("getAgentAddress", call, previewTimeoutMs, (deadline) => {
      const { sandboxId } = this.attachment("getAgentAddress");
      return this.backendAgent.valid(sandboxId, minTtlMs ?? previewTtlMs, deadline.signal);
    });
  }

  #path(path: unknown, name = "path"): string {
    return checkPath(path, this.workDir, name);
  }

  #check<Options>(
    operation: string,
    schema: () => z.ZodMiniType<Options>,
    options: unknown,
  ): Options {
    return checkOptions(operation, schema, options);
  }
}
