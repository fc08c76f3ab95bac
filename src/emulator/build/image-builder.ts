import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { EngineError } from "../../engine/engine-error.ts";
import type { EngineSandbox } from "../../engine/engine-types.ts";
import type { LocalEngine } from "../../engine/local-engine.ts";
import type { ContextFiles } from "./build-context.ts";
import { BuildFailure } from "./build-failure.ts";
import type { BuildLog } from "./build-log.ts";
import { ContextSources, type CopySources, StageSources } from "./copy-sources.ts";
import { planCopy } from "./copy-step.ts";
import type { Instruction } from "./dockerfile/instruction.ts";
import { groupStages, type StagePlan } from "./dockerfile/stages.ts";
import { expandWord } from "./dockerfile/words.ts";
import type { BuiltImage } from "./image-config.ts";
import { planRun } from "./run-step.ts";
import { Stage } from "./stage.ts";

/** Marks what a builder makes in the engine. */
export const buildMetadata = { daytonaBuild: true } as const;

export function isBuildSandbox(metadata: Readonly<Record<string, unknown>>): boolean {
  return metadata.daytonaBuild === true;
}

/** A step that changes files. The key says what it does; the same key on the same files gives the same files. */
interface Step {
  readonly key: string;
  run(sandbox: EngineSandbox, log: BuildLog, signal: AbortSignal): Promise<void>;
}

interface FinishedStage {
  readonly layer: string | undefined;
  readonly state: Stage;
}

/**
 * Builds images from Dockerfiles: every step that changes files runs in a sandbox of the engine, and what it leaves is a layer,
 * which the next build that comes to the same step takes over. The base is always this machine's own system.
 */
export class ImageBuilder {
  readonly #engine: LocalEngine;
  readonly #layers = new Set<string>();

  constructor(engine: LocalEngine) {
    this.#engine = engine;
  }

  /**
   * Builds the last stage of a Dockerfile and what it needs.
   *
   * @throws BuildFailure or DockerfileError for what is wrong with the build; the reason of `signal`.
   */
  async build(
    dockerfile: string,
    context: ContextFiles,
    log: BuildLog,
    signal: AbortSignal,
  ): Promise<BuiltImage> {
    const run = new BuildRun(this.#engine, this.#layers, dockerfile, context, log, signal);
    return run.build();
  }

  /** Deletes the layers that this builder made. Images and sandboxes that stand on them keep them. */
  async deleteLayers(): Promise<void> {
    for (const layer of this.#layers) await this.#engine.deleteSnapshot(layer);
    this.#layers.clear();
  }
}

class BuildRun {
  readonly #engine: LocalEngine;
  readonly #layers: Set<string>;
  readonly #context: ContextFiles;
  readonly #log: BuildLog;
  readonly #signal: AbortSignal;
  readonly #escapeCharacter: string;
  readonly #stages: readonly StagePlan[];
  readonly #globalArguments = new Map<string, string>();
  readonly #finished = new Map<StagePlan, FinishedStage>();
  #lines = 1;

  constructor(
    engine: LocalEngine,
    layers: Set<string>,
    dockerfile: string,
    context: ContextFiles,
    log: BuildLog,
    signal: AbortSignal,
  ) {
    this.#engine = engine;
    this.#layers = layers;
    this.#context = context;
    this.#log = log;
    this.#signal = signal;
    const { stages, globals, escapeCharacter } = groupStages(dockerfile);
    this.#stages = stages;
    this.#escapeCharacter = escapeCharacter;
    for (const [name, value] of globals) {
      if (value !== undefined) this.#globalArguments.set(name, this.#expandGlobal(value));
    }
  }

  async build(): Promise<BuiltImage> {
    this.#log.line("#1 [internal] load build definition from Dockerfile");
    const last = this.#stages.at(-1);
    if (!last) throw new BuildFailure("file with no instructions");
    const { layer, state } = await this.#buildStage(last);
    return { engineSnapshotId: layer, config: state.config };
  }

  async #buildStage(plan: StagePlan): Promise<FinishedStage> {
    const known = this.#finished.get(plan);
    if (known) return known;
    const base = this.#expandGlobal(plan.base);
    const baseStage = this.#findStage(base, plan);
    const parent = baseStage && (await this.#buildStage(baseStage));
    const state = new Stage(
      this.#escapeCharacter,
      this.#globalArguments,
      parent && { config: parent.state.config, shell: parent.state.shell },
    );
    this.#say(plan, 0, `FROM ${base}`);
    if (!parent) this.#log.line(await hostSystemNote(base));
    await using chain = new LayerChain(this.#engine, this.#layers, parent?.layer);
    let position = 0;
    for (const instruction of plan.instructions) {
      this.#signal.throwIfAborted();
      if (state.apply(instruction)) continue;
      position += 1;
      if (this.#engine.isolation === "none") {
        throw new BuildFailure(
          `${instruction.keyword} needs isolation, which this emulator was started without: its steps would change this machine`,
        );
      }
      const step = await this.#planStep(instruction, state, plan);
      const text = `${instruction.keyword} ${instruction.rest}`;
      const isCached = await chain.goToCached(step.key);
      this.#say(plan, position, text, isCached);
      if (!isCached) await chain.run(step, this.#log, this.#signal);
    }
    const finished = { layer: chain.layer, state };
    this.#finished.set(plan, finished);
    return finished;
  }

  async #planStep(instruction: Instruction, state: Stage, plan: StagePlan): Promise<Step> {
    switch (instruction.keyword) {
      case "RUN":
        return planRun(instruction, state);
      case "WORKDIR": {
        const path = state.absolute(state.expand(instruction.rest)).replace(/(?<=.)\/+$/, "");
        state.workDir = path;
        return {
          key: JSON.stringify(["WORKDIR", path]),
          run: ({ files }) => files.makeDirectory(path, { recursive: true }),
        };
      }
      default:
        return planCopy(instruction, state, await this.#sourcesOf(instruction, state, plan));
    }
  }

  async #sourcesOf({ flags }: Instruction, state: Stage, plan: StagePlan): Promise<CopySources> {
    const from = flags.get("from");
    if (from === undefined) return new ContextSources(this.#context);
    const name = state.expand(from);
    const source = this.#findStage(name, plan);
    if (!source)
      throw new BuildFailure(`the emulator pulls no image, so COPY --from=${name} has no source`);
    const { layer } = await this.#buildStage(source);
    return new StageSources(this.#engine, layer, buildMetadata);
  }

  /** An earlier stage, by name or number. */
  #findStage(name: string, before: StagePlan): StagePlan | undefined {
    const earlier = this.#stages.slice(0, this.#stages.indexOf(before));
    return (
      earlier.findLast((stage) => stage.name === name.toLowerCase()) ??
      (/^\d+$/.test(name) ? earlier[Number(name)] : undefined)
    );
  }

  #expandGlobal(word: string): string {
    return expandWord(word, this.#globalArguments, this.#escapeCharacter);
  }

  #say(plan: StagePlan, position: number, text: string, isCached = false): void {
    this.#lines += 1;
    const stage = plan.name === undefined ? "" : `${plan.name} `;
    const place = `[${stage}${position + 1}/${plan.fileSteps + 1}]`;
    this.#log.line(`#${this.#lines} ${isCached ? "CACHED " : ""}${place} ${text}`);
  }
}

/** The layers of one stage, and the sandbox in which they are made. */
class LayerChain implements AsyncDisposable {
  readonly #engine: LocalEngine;
  readonly #layers: Set<string>;
  layer: string | undefined;
  #sandbox: EngineSandbox | undefined;

  constructor(engine: LocalEngine, layers: Set<string>, base: string | undefined) {
    this.#engine = engine;
    this.#layers = layers;
    this.layer = base;
  }

  async goToCached(key: string): Promise<boolean> {
    // What the sandbox of this build has done already is not cached anywhere further on.
    if (this.#sandbox) return false;
    const id = this.#idOf(key);
    if (!(await this.#engine.getSnapshot(id))) return false;
    this.layer = id;
    return true;
  }

  async run(step: Step, log: BuildLog, signal: AbortSignal): Promise<void> {
    const sandbox = await this.#runningSandbox();
    await step.run(sandbox, log, signal);
    const id = this.#idOf(step.key);
    try {
      await this.#engine.createSnapshot(sandbox.id, {
        id,
        mode: "stop",
        graceMs: 0,
        temporaryFiles: true,
        metadata: buildMetadata,
        signal,
      });
      this.#layers.add(id);
    } catch (error) {
      // Another build has made the same layer at the same time.
      if (!(error instanceof EngineError) || error.code !== "SNAPSHOT_EXISTS") throw error;
    }
    this.layer = id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sandbox?.delete();
  }

  async #runningSandbox(): Promise<EngineSandbox> {
    if (this.#sandbox) {
      await this.#sandbox.start();
      return this.#sandbox;
    }
    this.#sandbox = await this.#engine.create({
      id: `build-${randomUUID()}`,
      metadata: buildMetadata,
      ...(this.layer === undefined ? {} : { snapshotId: this.layer }),
    });
    return this.#sandbox;
  }

  #idOf(key: string): string {
    const parent = this.layer ?? "host";
    const hash = createHash("sha256").update(`${parent}\n${key}`).digest("hex");
    return `layer-${hash.slice(0, 40)}`;
  }
}

async function hostSystemNote(base: string): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? "Linux";
  return `The emulator pulls no image: in the place of ${base} stands this machine's own system (${name}).`;
}
