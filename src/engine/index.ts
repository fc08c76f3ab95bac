/** What the local backend loads at its first use; in the build it is a file of its own, so that importing the library does not load it. */
export { LocalEngine } from "./local-engine.ts";
export { findPortsInUse } from "./processes/listening-ports.ts";
export { identifyProcess, isProcessAlive } from "./processes/process-identity.ts";
export { withLock } from "./state/sandbox-lock.ts";
