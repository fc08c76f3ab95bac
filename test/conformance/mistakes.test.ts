import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/contract/backend.ts";
import type { BackendConfig } from "../../src/contract/config.ts";
import { AbortError } from "../../src/contract/lifecycle-errors.ts";
import { createBackend } from "../../src/create-backend.ts";
import { startDaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { testBackendConformance } from "../../src/testing/index.ts";
import { isLongRun } from "../helpers/long-run.ts";

/** A mistake that sandbox libraries make, put into a backend that works, and the case that must find it. */
interface Mistake {
  readonly what: string;
  readonly foundBy: string;
  /** How that case words it. */
  readonly says: RegExp;
  /** Whether it is about making and deleting sandboxes; the others share one that is there already. */
  readonly ofLifecycle?: boolean;
  /** How long the suite waits for what will not come. Default: 1. */
  readonly patience?: number;
  /** Methods that replace those of the backend that works. */
  readonly methods: (backend: Backend) => Partial<Backend>;
}

const mistakes: readonly Mistake[] = [
  {
    what: "says 0 for a command that a signal ended",
    foundBy: "exec: tells a death by signal",
    says: /0 !== 137|0 !== 143|0 !== 130|0 !== 139/,
    methods: (backend) => ({
      exec: async (command, options) => {
        const result = await backend.exec(command, options);
        return { ...result, exitCode: result.exitCode > 128 ? 0 : result.exitCode };
      },
    }),
  },
  {
    what: "trims output",
    foundBy: "exec output: keeps newlines",
    says: /strictly equal/,
    methods: (backend) => ({
      exec: async (command, options) => {
        const result = await backend.exec(command, options);
        return { ...result, stdout: result.stdout.trim() };
      },
    }),
  },
  {
    what: "keeps output as text",
    foundBy: "exec output: keeps every byte",
    says: /deep-equal/,
    methods: (backend) => ({
      exec: async (command, options) => {
        const result = await backend.exec(command, options);
        return { ...result, stdoutBytes: Buffer.from(result.stdout) };
      },
    }),
  },
  {
    what: "joins an argv with blanks",
    foundBy: "exec arguments: passes argv items on",
    says: /Syntax error|syntax error|strictly equal|exit code/,
    methods: (backend) => ({
      exec: (command, options) =>
        backend.exec(typeof command === "string" ? command : command.join(" "), options),
    }),
  },
  {
    what: "gives up waiting for an aborted command and lets it run",
    foundBy: "abort: ends a command that is aborted, ",
    says: /The end of the command: not within/,
    patience: 0.3,
    methods: (backend) => ({
      exec: (command, options) => {
        const { signal, ...rest } = options ?? {};
        const running = backend.exec(command, { ...rest, timeoutMs: 20_000 });
        if (signal === undefined) return running;
        running.catch(() => {});
        return new Promise((resolve, reject) => {
          signal.addEventListener("abort", () => {
            const { sandboxId } = backend;
            const cause = signal.reason;
            reject(new AbortError("exec was aborted.", { operation: "exec", sandboxId, cause }));
          });
          running.then(resolve, reject);
        });
      },
    }),
  },
  {
    what: "asks the provider before it checks an argument",
    foundBy: "exec arguments: refuses commands",
    says: /requests of a refused call/,
    methods: (backend) => ({
      exec: async (command, options) => {
        await backend.status();
        return backend.exec(command, options);
      },
    }),
  },
  {
    what: "shows a secret in an error",
    foundBy: "exec: rejects for an exit code",
    says: /An error shows secret number 0/,
    methods: (backend) => ({
      exec: async (command, options) => {
        try {
          return await backend.exec(command, options);
        } catch (error) {
          Object.assign(error as Error, { request: { headers: { "x-key": emulator.apiKey } } });
          throw error;
        }
      },
    }),
  },
  {
    what: "hides dangling links",
    foundBy: "file tree: lists all entries",
    says: /dangling/,
    methods: (backend) => ({
      listFiles: async (directory, options) => {
        const files = await backend.listFiles(directory, options);
        return files.filter((file) => file.name !== "dangling");
      },
    }),
  },
  {
    what: "removes full directories without being told",
    foundBy: "file tree: removes a full directory",
    says: /Expected a rejection/,
    methods: (backend) => ({
      remove: (path, options) => backend.remove(path, { ...options, recursive: true }),
    }),
  },
  {
    what: "writes over a file in place",
    foundBy: "files: replaces a file as a whole",
    says: /seen: /,
    methods: (backend) => ({
      writeFile: async (path, content, options) => {
        await backend.exec(`: >'${path}'; sleep 0.2`);
        await backend.writeFile(path, content, options);
      },
    }),
  },
  {
    what: "answers a status from memory",
    foundBy: "lifecycle: tells a fresh status",
    says: /'running'[\s\S]*'deleted'/,
    ofLifecycle: true,
    methods: (backend) => ({
      status: async (options) => {
        const status = await backend.status(options);
        return status.state === "deleted" ? { ...status, state: "running" } : status;
      },
    }),
  },
  {
    what: "resolves a teardown before anything is deleted",
    foundBy: "leaks: ",
    says: /sandboxes that cases before have left/,
    patience: 0.1,
    ofLifecycle: true,
    methods: () => ({ teardown: async () => {} }),
  },
  {
    what: "leaves the sandbox of an aborted setup",
    foundBy: "setup failures: leaves nothing when it is aborted",
    says: /undefined/,
    ofLifecycle: true,
    methods: (backend) => ({
      setup: async (options) => {
        await backend.setup({ onEvent: options?.onEvent });
        if (options?.signal?.aborted) {
          throw new AbortError("setup was aborted.", { operation: "setup" });
        }
      },
    }),
  },
  {
    what: "connects to whatever ID it is given",
    foundBy: "reconnect: says that an unknown ID",
    says: /Expected a rejection/,
    methods: () => ({ reconnect: async () => {} }),
  },
];

const probe = await LocalEngine.probe();
const emulator = await startDaytonaEmulator({
  isolation: probe.available ? "namespaces" : "none",
});
afterAll(() => emulator.close());

// Without namespaces an absolute path would be one of this machine's.
const ownConfig: BackendConfig = probe.available ? {} : { workDir: "~/workspace" };
const existing = connect({ owner: "mistakes", name: "existing" });
beforeAll(() => existing.setup());
afterAll(() => existing[Symbol.asyncDispose]());

describe("the conformance suite finds a backend that", () => {
  // The short run has every third one.
  for (const mistake of mistakes.filter((_, index) => isLongRun || index % 3 === 0)) {
    test(mistake.what, async () => {
      const run = registerCases(mistake.patience ?? 1, (backend) =>
        withMethods(backend, {
          ...(mistake.ofLifecycle === true ? {} : onExistingSandbox(backend)),
          ...mistake.methods(backend),
        }),
      );
      const found = run.cases.filter(({ name }) => name.includes(`: ${mistake.foundBy}`));
      expect(found).toHaveLength(1);
      // The leak check needs something that could be left.
      if (mistake.foundBy === "leaks: ") await run.cases.find(isFirstOfExec)?.body();
      await expect(found[0]?.body()).rejects.toThrow(mistake.says);
      // The clean-up of a broken backend may fail as well; closing the emulator takes everything away.
      await run.cleanUp().catch(() => {});
    });
  }
});

function connect(config: BackendConfig): Backend {
  return createBackend("daytona", {
    ...ownConfig,
    ...config,
    apiKey: emulator.apiKey,
    apiUrl: emulator.url,
  });
}

/** Makes `setup` quick: it connects to the sandbox that is there, and `teardown` leaves it. */
function onExistingSandbox(backend: Backend): Partial<Backend> {
  return {
    setup: () => backend.reconnect(existing.sandboxId ?? ""),
    teardown: async () => {},
  };
}

interface RegisteredCase {
  readonly name: string;
  readonly body: () => Promise<void>;
}

function isFirstOfExec({ name }: RegisteredCase): boolean {
  return name.includes(": exec: tells standard output");
}

function registerCases(
  patience: number,
  wrap: (backend: Backend) => Backend,
): {
  readonly cases: readonly RegisteredCase[];
  readonly cleanUp: () => Promise<void>;
} {
  const cases: RegisteredCase[] = [];
  let cleanUp = async (): Promise<void> => {};
  testBackendConformance({
    name: "broken",
    test: (name, body) => cases.push({ name, body }),
    skip: () => {},
    afterAll: (body) => {
      cleanUp = body;
    },
    createBackend: (config) => wrap(connect(config)),
    listSandboxIds: async () => emulator.sandboxes().map(({ id }) => id),
    patience,
    countRequests: () => emulator.requests.count(),
    secrets: [emulator.apiKey],
  });
  return { cases, cleanUp };
}

/** The same backend with some of its methods replaced. */
function withMethods(backend: Backend, methods: Partial<Backend>): Backend {
  return new Proxy(backend, {
    get: (target, property) => {
      if (property in methods) return methods[property as keyof Backend];
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
