import { once } from "node:events";
import type { Isolation } from "../../../src/engine/engine-types.ts";
import { LocalEngine } from "../../../src/engine/local-engine.ts";

/** Opens a PTY whose program shows a text, prints what it shows, and ends without closing anything. */
async function main(directory: string, isolation: Isolation, marker: string): Promise<void> {
  const engine = await LocalEngine.open({ directory, isolation });
  const sandbox = await engine.create();
  const pty = await sandbox.openPty({
    argv: ["sh", "-c", 'printf %s "$1"; sleep 1000', "sh", marker],
    rows: 24,
    cols: 80,
  });
  const [shown] = (await once(pty.output, "data")) as [Buffer];
  process.stdout.write(shown, () => process.exit(0));
}

const [directory = "", isolation = "none", marker = ""] = process.argv.slice(2);
await main(directory, isolation as Isolation, marker);
