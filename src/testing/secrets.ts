import assert from "node:assert/strict";
import type { Backend } from "../contract/backend.ts";
import type { Conformance } from "./conformance.ts";

const area = "secrets";

/** Variables that every command has and that no provider stores. */
export function secretCases(conformance: Conformance): void {
  conformance.add(area, "reach every command as they are, and come back after a stop", async () => {
    const secrets = {
      TOKEN: `token-${crypto.randomUUID()}`,
      HARD: `'quotes' "too" \`ls\` $HOME $(id) \\ %s\nsecond line\n`,
      EMPTY: "",
    };
    await conformance.withSandbox(
      async (backend) => {
        await assertSees(backend, secrets);
        const spawned = await backend.spawn(shown);
        const chunks: Uint8Array[] = [];
        for await (const chunk of spawned.stdout) chunks.push(chunk);
        assert.equal(Buffer.concat(chunks).toString(), expected(secrets));
        // A variable of one command wins.
        const own = await backend.exec('printf %s "$TOKEN"', { env: { TOKEN: "own" } });
        assert.equal(own.stdout, "own");
        // Whoever knows the sandbox's ID has its secrets, as it has its files.
        const other = await conformance.anotherClient(backend);
        await assertSees(other, secrets);
        const error = await conformance.rejects(
          backend.exec('echo "$TOKEN" >&2; exit 3'),
          "COMMAND_FAILED",
          { operation: "exec" },
        );
        assert.ok(!error.message.includes(secrets.TOKEN));
        if (conformance.capabilities.stop) {
          await backend.stop();
          await backend.start();
          await assertSees(backend, secrets);
        }
        await other[Symbol.asyncDispose]();
      },
      { secrets },
    );
  });

  conformance.add(area, "refuses names and values that cannot be, and shows none", async () => {
    const value = `value-${crypto.randomUUID()}`;
    const cases: readonly [Record<string, string>, string][] = [
      [{ "NOT-A-NAME": value }, "secrets"],
      [{ UID: value }, "secrets"],
      [{ SANDBOX_BACKEND_X: value }, "secrets"],
      [{ NUL: `${value}\0` }, "secrets.NUL"],
      [{ LARGE: value.repeat(5_000) }, "secrets"],
      [{ TWICE: value }, "secrets.TWICE"],
    ];
    for (const [secrets, path] of cases) {
      assert.throws(
        () => conformance.options.createBackend({ secrets, env: { TWICE: "1" } }),
        (error: Error) => {
          assert.equal((error as { code?: unknown }).code, "CONFIG_INVALID");
          assert.ok(String((error as { path?: unknown }).path).startsWith(path), error.message);
          assert.ok(!`${error.message}${error.stack}${JSON.stringify(error)}`.includes(value));
          return true;
        },
      );
    }
  });
}

const shown = 'printf "%s|" "$TOKEN" "$HARD" "$EMPTY" "${EMPTY+set}"';

function expected({ TOKEN, HARD }: { readonly TOKEN: string; readonly HARD: string }): string {
  return `${TOKEN}|${HARD}||set|`;
}

async function assertSees(
  backend: Backend,
  secrets: { readonly TOKEN: string; readonly HARD: string },
): Promise<void> {
  assert.equal((await backend.exec(shown)).stdout, expected(secrets));
}
