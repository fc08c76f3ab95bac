import assert from "node:assert/strict";
import { inspect } from "node:util";
import type { Backend } from "../contract/backend.ts";
import { SandboxError } from "../contract/sandbox-error.ts";
import type { Conformance } from "./conformance.ts";
import { assertShowsNoSecret, rejectionOf, textsOf } from "./expected-errors.ts";
import { inGroups } from "./in-groups.ts";

const area = "errors";

/** Every error can be branched on, printed and sent, and shows no secret. */
export function errorCases(conformance: Conformance): void {
  conformance.add(
    area,
    "have a code, an operation, the sandbox, a message, and no more",
    async () => {
      const { backend, path } = await conformance.directory();
      await inGroups(provocations(path), 4, async ([operation, provoke]) => {
        const error = await rejectionOf(provoke(backend));
        assert.ok(SandboxError.is(error) && error instanceof Error, operation);
        assert.match(error.code, /^[A-Z_]+$/);
        assert.equal(error.operation, operation);
        assert.equal(error.sandboxId, backend.sandboxId, `${operation}: ${error.code}`);
        assert.equal(typeof error.retryable, "boolean");
        assert.ok(error.message.length > 10, error.message);
        assert.match(error.name, /Error$/);
        assert.ok(error.stack?.includes(error.message), "the stack begins with the message");
        assertSerialises(error);
        // Neither a request, nor an answer, nor the client of the provider.
        const shown = textsOf(error).join("\n").toLowerCase();
        for (const trace of ["authorization", "bearer ", "axios", "x-api-key"]) {
          assert.ok(!shown.includes(trace), `${operation} shows ${trace}`);
        }
        assertShowsNoSecret(error, conformance.secrets);
      });
    },
  );

  conformance.add(area, "show nothing secret that a command was given", async () => {
    const backend = await conformance.shared();
    const password = `secret-${crypto.randomUUID()}`;
    const attempts = [
      backend.exec("exit 3", { gitCredentials: { password } }),
      backend.exec("exit 3", { env: { TOKEN: password } }),
      backend.exec("exit 3", { stdin: password }),
      backend.exec("sleep 60", {
        gitCredentials: { password },
        env: { TOKEN: password },
        timeoutMs: conformance.patient(1_000),
      }),
      backend.exec("true", { cwd: "/no/such", gitCredentials: { password } }),
      backend.exec("true", { env: { TOKEN: password, "1A": password } }),
    ];
    const errors = await Promise.all(attempts.map(rejectionOf));
    for (const error of errors) {
      assertShowsNoSecret(error, [password, ...conformance.secrets]);
    }
  });

  conformance.add(area, "do not grow with the output of a command", async () => {
    const backend = await conformance.shared();
    const error = await rejectionOf(backend.exec("head -c 2000000 /dev/zero | tr '\\0' x; exit 1"));
    assert.ok(error instanceof Error && error.message.length < 10_000, "length of the message");
  });
}

function assertSerialises(error: SandboxError): void {
  const json: Record<string, unknown> = JSON.parse(JSON.stringify(error));
  assert.equal(json.name, error.name);
  assert.equal(json.message, error.message);
  assert.equal(json.code, error.code);
  assert.equal(json.operation, error.operation);
  assert.equal(json.sandboxId, error.sandboxId);
  assert.ok(inspect(error).includes(error.code), "inspecting shows the code");
}

/** Calls that reject, each for another reason. */
function provocations(
  path: string,
): ReadonlyArray<readonly [operation: string, provoke: (backend: Backend) => Promise<unknown>]> {
  return [
    ["exec", (backend) => backend.exec("exit 3")],
    ["exec", (backend) => backend.exec("true", { cwd: `${path}/none` })],
    ["exec", (backend) => backend.exec("sleep 30", { timeoutMs: 500 })],
    ["exec", (backend) => backend.exec("sleep 30", { signal: AbortSignal.timeout(300) })],
    ["exec", (backend) => backend.exec("yes", { maxLogBytes: 1_000 })],
    ["exec", (backend) => backend.exec([])],
    ["readFile", (backend) => backend.readFile(`${path}/none`)],
    ["readFile", (backend) => backend.readFile(path)],
    ["readFileStream", (backend) => backend.readFileStream(`${path}/none`)],
    ["writeFile", (backend) => backend.writeFile(path, "")],
    ["writeFiles", (backend) => backend.writeFiles([{ path, content: "" }])],
    ["listFiles", (backend) => backend.listFiles(`${path}/none`)],
    ["stat", (backend) => backend.stat(`${path}/none`)],
    ["makeDirectory", (backend) => backend.makeDirectory("/proc/none/below")],
    ["remove", (backend) => backend.remove(`${path}/none`)],
    ["move", (backend) => backend.move(`${path}/none`, `${path}/to`)],
    ["getPreviewUrl", (backend) => backend.getPreviewUrl(0)],
    ["reconnect", (backend) => backend.reconnect("")],
  ];
}
