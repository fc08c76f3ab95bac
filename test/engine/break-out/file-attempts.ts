import type { EngineFiles, EngineSandbox } from "../../../src/engine/engine-types.ts";
import { collect, runShell } from "../run-program.ts";
import { ESCAPED, type Target } from "./attempts.ts";
import type { Outcome } from "./print-outcomes.ts";

/** Every method of the engine's files, on paths that lead out by links and by `..`. Its outcome counts only if it reaches the host. */
export async function fileAttempts(sandbox: EngineSandbox, target: Target): Promise<Outcome[]> {
  const { SECRET_FILE, HOST_FOLDER } = target;
  const base = sandbox.homeDirectory;
  const links: Readonly<Record<string, string>> = {
    absolute: "/",
    parents: "../".repeat(40),
    root: "/proc/1/root",
    own: "/proc/self/root",
    cwd: "/proc/self/cwd/../../../..",
    engine: `${target.ENGINE}/../..`,
  };
  const make = Object.entries(links).map(([name, to]) => `ln -sfn '${to}' '${base}/to-${name}'`);
  await runShell(sandbox, [...make, `ln -sfn '${SECRET_FILE}' '${base}/to-file'`].join("\n"));
  await sandbox.files.write(`${base}/own`, Buffer.from("own\n"));
  const ways = [
    ...Object.keys(links).map((name) => `${base}/to-${name}`),
    `${base}${"/..".repeat(40)}`,
    "/workspace/../../../..",
  ];
  const outcomes: Outcome[] = [];
  for (const [method, reach] of Object.entries(methods)) {
    const held: string[] = [];
    for (const way of ways) {
      // The engine's folder stands for the host's root in one of the links, so names from there are tried too.
      for (const path of [`${way}${SECRET_FILE}`, `${base}/to-file`]) {
        const code = await attempt(() => reach(sandbox.files, path, `${way}${HOST_FOLDER}`, base));
        if (code === ESCAPED) held.push(`${ESCAPED} by ${path}`);
      }
    }
    outcomes.push({
      name: `files.${method}`,
      outcome: held[0] ?? `held, ${ways.length * 2} paths`,
    });
  }
  return outcomes;
}

type Reach = (
  files: EngineFiles,
  secret: string,
  folder: string,
  base: string,
) => Promise<boolean> | Promise<void>;

/** True when it has seen the host; what it changes is looked for on the host afterwards. */
const methods: Readonly<Record<string, Reach>> = {
  stat: async (files, secret) => (await files.stat(secret)).sizeBytes === 12,
  list: async (files, _secret, folder) =>
    (await files.list(`${folder}/..`)).some(({ name }) => name === "secret"),
  read: async (files, secret) =>
    (await collect((await files.read(secret)).stream)).toString().includes("HOST_SECRET"),
  write: async (files, secret) => {
    await files.write(secret, Buffer.from("changed"));
  },
  makeDirectory: async (files, _secret, folder) => {
    await files.makeDirectory(`${folder}/made`);
  },
  remove: async (files, secret, folder, base) => {
    // What it would have made itself, in the sandbox, is no link to the host.
    if (secret !== `${base}/to-file`) await files.remove(secret);
    await files.remove(folder, { recursive: true });
  },
  move: async (files, secret, folder, base) => {
    if (secret !== `${base}/to-file`) await files.move(secret, `${base}/stolen`);
    await files.move(`${base}/own`, `${folder}/own`);
  },
  setMode: async (files, secret) => {
    await files.setMode(secret, 0o777);
  },
  setOwner: async (files, secret) => {
    await files.setOwner(secret, { uid: 0 });
  },
};

async function attempt(reach: () => Promise<unknown>): Promise<string | undefined> {
  try {
    return (await reach()) === true ? ESCAPED : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A failure of any other kind would be a mistake of this test.
    if (typeof code !== "string") throw error;
    return code;
  }
}
