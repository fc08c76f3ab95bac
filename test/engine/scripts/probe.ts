import { LocalEngine } from "../../../src/engine/local-engine.ts";

/** Prints what the probe finds and how opening the engine ends. */
const [directory = ""] = process.argv.slice(2);
const probe = await LocalEngine.probe({ directory });
const opening = await LocalEngine.open({ directory }).then(
  async (engine) => {
    await engine.close();
    return { code: "opened", message: "" };
  },
  ({ code, message }: { code: string; message: string }) => ({ code, message }),
);
process.stdout.write(JSON.stringify({ probe, opening }));
