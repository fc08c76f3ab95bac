import assert from "node:assert/strict";
import type { BackendConfig } from "../contract/config.ts";
import type { Conformance } from "./conformance.ts";
import { assertErrorCode, assertShowsNoSecret } from "./expected-errors.ts";

const area = "config";

const wrongConfigs: ReadonlyArray<readonly [path: string, config: Record<string, unknown>]> = [
  ["name", { name: "" }],
  ["name", { name: 7 }],
  ["owner", { owner: "" }],
  ["repoUrl", { repoUrl: "not a url" }],
  ["repoUrl", { repoUrl: "" }],
  ["branchName", { repoUrl: "https://example.com/r", branchName: "" }],
  ["branchName", { repoUrl: "https://example.com/r", branchName: "--upload-pack=x" }],
  ["branchName", { repoUrl: "https://example.com/r", branchName: "a b" }],
  ["branchName", { branchName: "without-a-repository" }],
  ["commit", { repoUrl: "https://example.com/r", commit: "main" }],
  ["commit", { repoUrl: "https://example.com/r", commit: "abc123" }],
  ["cloneDepth", { repoUrl: "https://example.com/r", cloneDepth: 0 }],
  ["cloneDepth", { repoUrl: "https://example.com/r", cloneDepth: 1.5 }],
  ["gitCredentials.password", { repoUrl: "https://example.com/r", gitCredentials: {} }],
  ["workDir", { workDir: "relative/path" }],
  ["workDir", { workDir: "/" }],
  ["workDir", { workDir: "/a/../b" }],
  ["workDir", { workDir: "" }],
  ["env.1A", { env: { "1A": "x" } }],
  ["env.A", { env: { A: 7 } }],
  ["env.A", { env: { A: "a\0b" } }],
  ["labels.a", { labels: { a: 7 } }],
  ["labels.sandbox-backend.owner", { labels: { "sandbox-backend.owner": "x" } }],
  ["setupTimeoutMs", { setupTimeoutMs: 0 }],
  ["cleanupTimeoutMs", { cleanupTimeoutMs: -1 }],
  ["idle.autoStopMinutes", { idle: { autoStopMinutes: -1 } }],
  ["idle.autoDeleteMinutes", { idle: { autoDeleteMinutes: 1.5 } }],
  ["keepOnFailure", { keepOnFailure: "yes" }],
  ["workdir", { workdir: "/workspace" }],
  ["idle.autoStop", { idle: { autoStop: 5 } }],
];

/** A config is checked when the backend is made, before anything is asked of the provider. */
export function configCases(conformance: Conformance): void {
  for (const [path, config] of wrongConfigs) {
    conformance.add(area, `refuses ${path} in ${JSON.stringify(config)}`, async () => {
      await conformance.sendsNoRequest(async () => {
        assert.throws(
          () => conformance.options.createBackend(config as BackendConfig),
          (error) => {
            assertErrorCode(error, "CONFIG_INVALID");
            assert.equal(error.path, path);
            assert.ok(error.message.includes(path), error.message);
            return true;
          },
        );
      });
    });
  }

  conformance.add(area, "names what is wrong and never shows a value", async () => {
    const value = `value-${crypto.randomUUID()}`;
    const configs = [
      { env: { A: `${value}\0` } },
      { repoUrl: `https://user:${value}@example.com/r` },
      { repoUrl: "https://example.com/r", gitCredentials: { password: 7, token: value } },
    ];
    for (const config of configs) {
      assert.throws(
        () => conformance.options.createBackend(config as unknown as BackendConfig),
        (error) => {
          assertErrorCode(error, "CONFIG_INVALID");
          assertShowsNoSecret(error, [value]);
          return true;
        },
      );
    }
  });

  conformance.add(area, "makes a backend without any request", async () => {
    await conformance.sendsNoRequest(async () => {
      const backend = conformance.newBackend();
      assert.equal(backend.sandboxId, undefined);
      assert.equal(backend.ref, undefined);
      assert.equal((await backend.status()).state, "none");
    });
  });
}
