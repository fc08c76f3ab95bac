import { UnsupportedOperationError } from "../../contract/provider-errors.ts";

/** What it takes to make and to dispose of something that is loaded later. */
export type Load<Loaded> = () => Promise<Loaded>;

/**
 * An object whose code is loaded by the first that needs it, and which is made once. A load that fails is tried again by the next.
 * Those who asked go on in the order in which they asked.
 */
export class LoadedLater<Loaded extends AsyncDisposable> {
  readonly #load: Load<Loaded>;
  #loading: Promise<Loaded> | undefined;
  #loaded: Loaded | undefined;
  #isDisposed = false;

  constructor(load: Load<Loaded>) {
    this.#load = load;
  }

  /** Undefined as long as nobody has asked for it. */
  get known(): Loaded | undefined {
    return this.#loaded;
  }

  get(): Promise<Loaded> {
    this.#loading ??= this.#make().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /** Loads nothing for it; what is loaded afterwards has been disposed of too. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    // A load that fails is told to whoever asked for it.
    const loaded = await this.#loading?.catch(() => undefined);
    await loaded?.[Symbol.asyncDispose]();
  }

  async #make(): Promise<Loaded> {
    const wasDisposed = this.#isDisposed;
    const loaded = await this.#load();
    if (wasDisposed) await loaded[Symbol.asyncDispose]();
    this.#loaded = loaded;
    return loaded;
  }
}

/**
 * Imports a file of this package that is loaded at first use.
 *
 * @throws {@link UnsupportedOperationError} when it is not there, as when a package was replaced under a running host app.
 */
export async function importPart<Module>(load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    throw new UnsupportedOperationError(
      "A part of sandbox-backend that is loaded at first use could not be loaded. Start the host app again if the package was changed while it ran; a bundler of the host app must keep what is imported dynamically.",
      { cause: error },
    );
  }
}
