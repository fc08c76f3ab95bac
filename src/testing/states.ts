import assert from "node:assert/strict";
import type { Backend } from "../contract/backend.ts";
import type { Conformance } from "./conformance.ts";
import type { ErrorByCode } from "./expected-errors.ts";
import { inGroups } from "./in-groups.ts";
import { insideOperations, type Operation, plantFilesFor } from "./operations.ts";

const area = "states";

const previewOperation: Operation = {
  name: "getPreviewUrl",
  call: (backend, _directory, options) => backend.getPreviewUrl(3_000, options),
};

/** A state of a backend and its sandbox in which operations are tried. */
interface TriedState {
  readonly name: string;
  /** Makes it, or gives the one that was made before. */
  readonly backend: (conformance: Conformance) => Promise<Backend>;
  /** What an operation that needs a running sandbox rejects with; undefined when it works. */
  readonly rejectsWith: keyof ErrorByCode | undefined;
}

/** One operation on sandboxes in every state. */
export function stateCases(conformance: Conformance): void {
  const operations =
    conformance.capabilities.ports === "none"
      ? insideOperations
      : [...insideOperations, previewOperation];
  for (const state of triedStates(conformance)) {
    for (const operation of operations) {
      // Whether a provider gives addresses of a stopped sandbox is its own matter.
      if (state.name === "stopped" && operation === previewOperation) continue;
      const how = state.rejectsWith === undefined ? "works" : `rejects with ${state.rejectsWith}`;
      conformance.add(area, `${operation.name} ${how} on a ${state.name} sandbox`, async () => {
        const backend = await state.backend(conformance);
        if (state.rejectsWith === undefined) {
          await operation.call(backend, directoryOf(backend, state.name));
          return;
        }
        const rejecting = operation.call(backend, backend.workDir);
        await conformance.rejects(rejecting, state.rejectsWith, {
          operation: operation.name,
          sandboxId: backend.sandboxId,
        });
      });
    }
  }

  conformance.add(area, "every operation finds a sandbox deleted elsewhere gone", async () => {
    const backend = await deletedElsewhere(conformance);
    await inGroups(operations, operations.length, async ({ name, call }) => {
      await conformance.rejects(call(backend, backend.workDir), "SANDBOX_NOT_FOUND", {
        operation: name,
        sandboxId: backend.sandboxId,
      });
    });
    assert.equal((await backend.status()).state, "deleted");
  });
}

function triedStates(conformance: Conformance): TriedState[] {
  const states: TriedState[] = [
    {
      name: "never set up",
      backend: async () => conformance.newBackend(),
      rejectsWith: "SANDBOX_STATE",
    },
    { name: "running", backend: once(running), rejectsWith: undefined },
    { name: "reconnected", backend: once(reconnected), rejectsWith: undefined },
    { name: "deleted", backend: once(deleted), rejectsWith: "SANDBOX_NOT_FOUND" },
  ];
  if (conformance.capabilities.stop) {
    states.push({ name: "stopped", backend: once(stopped), rejectsWith: "SANDBOX_STATE" });
  }
  return states;
}

function directoryOf(backend: Backend, state: string): string {
  return `${backend.workDir}/state-${state}`;
}

async function running(conformance: Conformance): Promise<Backend> {
  const backend = await conformance.shared();
  await plantFilesFor(backend, directoryOf(backend, "running"));
  return backend;
}

async function reconnected(conformance: Conformance): Promise<Backend> {
  const { sandboxId } = await conformance.shared();
  const backend = conformance.newBackend();
  await backend.reconnect(sandboxId ?? assert.fail("The shared sandbox has no ID"));
  await plantFilesFor(backend, directoryOf(backend, "reconnected"));
  return backend;
}

async function stopped(conformance: Conformance): Promise<Backend> {
  const backend = await conformance.ownSandbox("stopped");
  await backend.stop();
  return backend;
}

async function deleted(conformance: Conformance): Promise<Backend> {
  const backend = await conformance.ownSandbox("deleted");
  await backend.teardown();
  return backend;
}

async function deletedElsewhere(conformance: Conformance): Promise<Backend> {
  const backend = await conformance.ownSandbox("deleted elsewhere");
  const other = conformance.newBackend();
  await other.reconnect(backend.sandboxId ?? assert.fail("No ID"));
  await other.teardown();
  return backend;
}

/** The first call makes it; one that failed is made again by the next case. */
function once(
  make: (conformance: Conformance) => Promise<Backend>,
): (conformance: Conformance) => Promise<Backend> {
  let made: Promise<Backend> | undefined;
  return async (conformance) => {
    made ??= make(conformance);
    try {
      return await made;
    } catch (error) {
      made = undefined;
      throw error;
    }
  };
}
