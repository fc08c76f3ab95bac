import type { Backend } from "../contract/backend.ts";
import type { CallOptions } from "../contract/call-options.ts";

/** One method of {@link Backend} with arguments that work in a running sandbox, given a directory of its own. */
export interface Operation {
  readonly name: string;
  readonly call: (backend: Backend, directory: string, options?: CallOptions) => Promise<unknown>;
}

/** The methods that need a running sandbox. */
export const insideOperations: readonly Operation[] = [
  { name: "exec", call: (backend, _directory, options) => backend.exec("true", options) },
  {
    name: "spawn",
    call: async (backend, _directory, options) => {
      const child = await backend.spawn("true", options);
      await child.wait();
    },
  },
  {
    name: "attachPty",
    call: async (backend, _directory, options) => {
      const pty = await backend.attachPty({ rows: 24, cols: 80, command: "exit 0", ...options });
      await pty.wait();
    },
  },
  { name: "listPtys", call: (backend, _directory, options) => backend.listPtys(options) },
  { name: "listProcesses", call: (backend, _directory, options) => backend.listProcesses(options) },
  {
    name: "readFile",
    call: (backend, directory, options) =>
      backend.readFile(`${directory}/file`, { ...options, encoding: undefined }),
  },
  {
    name: "readFileStream",
    call: async (backend, directory, options) => {
      const stream = await backend.readFileStream(`${directory}/file`, options);
      await stream.cancel();
    },
  },
  {
    name: "writeFile",
    call: (backend, directory, options) =>
      backend.writeFile(`${directory}/written`, "content", options),
  },
  {
    name: "writeFiles",
    call: (backend, directory, options) =>
      backend.writeFiles([{ path: `${directory}/written`, content: "content" }], options),
  },
  {
    name: "listFiles",
    call: (backend, directory, options) => backend.listFiles(directory, options),
  },
  {
    name: "stat",
    call: (backend, directory, options) => backend.stat(`${directory}/file`, options),
  },
  {
    name: "exists",
    call: (backend, directory, options) => backend.exists(`${directory}/file`, options),
  },
  {
    name: "makeDirectory",
    call: (backend, directory, options) => backend.makeDirectory(`${directory}/made`, options),
  },
  {
    name: "remove",
    call: (backend, directory, options) =>
      backend.remove(`${directory}/none`, { ...options, force: true }),
  },
  {
    name: "move",
    call: (backend, directory, options) =>
      backend.move(`${directory}/from`, `${directory}/to`, options),
  },
];

/** Makes what {@link insideOperations} use. */
export async function plantFilesFor(backend: Backend, directory: string): Promise<void> {
  await backend.writeFiles([
    { path: `${directory}/file`, content: "content" },
    { path: `${directory}/from`, content: "content" },
  ]);
}
