import { accessSync, constants, existsSync, statSync } from "node:fs";
import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DoctorCheck, DoctorOptions } from "../../contract/doctor.ts";
import type { Deadline } from "../../core/deadline.ts";
import { Examination, type Finding, healthy, sick } from "../../core/provider/examination.ts";
import { doctorOwner, noProbe, probeSandbox } from "../../core/provider/probe-sandbox.ts";
import { LocalBackend } from "./local-backend.ts";
import type { ResolvedLocalConfig } from "./local-config.ts";
import { loadEngine } from "./local-engine-loader.ts";

/** A sandbox sees the programs of this machine, so what is missing here is missing there. */
const programs: readonly (readonly [readonly string[], string])[] = [
  [["git"], "git: `repoUrl` needs it"],
  [["tar"], "tar: `uploadDirectory` and `downloadDirectory` need it"],
  [["script", "python3"], "util-linux (`script`) or python3: `attachPty` needs one of them"],
];
const programFolders = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/** What can be wrong with this machine. */
export async function examineLocal(
  config: ResolvedLocalConfig,
  options: DoctorOptions,
  deadline: Deadline,
): Promise<DoctorCheck[]> {
  const examination = new Examination(deadline);
  const { directory, isolation } = config;
  await examination.check("platform", [], async () => {
    await loadEngine();
    return healthy(`Linux, with Node ${process.versions.node}.`);
  });
  await examination.check("directory", ["platform"], () => lookAtDirectory(directory));
  await examination.check("isolation", ["platform", "directory"], () =>
    isolation === "none"
      ? healthy("`isolation: none`: commands are ordinary processes of this machine.")
      : probeNamespaces(directory, deadline.signal),
  );
  await examination.check("limits", ["isolation"], () =>
    isolation === "none" ? healthy("`isolation: none`: nothing is limited.") : lookAtLimits(),
  );
  await examination.check("programs", ["platform"], lookForPrograms);
  if (options.probeSandbox === true) {
    const makeBackend = () => new LocalBackend({ directory, isolation, owner: doctorOwner });
    await probeSandbox(examination, ["isolation"], makeBackend, deadline);
  } else {
    await examination.check("sandbox", [], noProbe);
  }
  return examination.checks;
}

async function lookAtDirectory(directory: string): Promise<Finding> {
  let existing = directory;
  while (!existsSync(existing)) existing = dirname(existing);
  const where = existing === directory ? directory : `${directory} (to be made in ${existing})`;
  try {
    if (!statSync(existing).isDirectory()) throw new Error("no folder");
    await access(existing, constants.W_OK | constants.X_OK);
    return healthy(`The sandboxes are in ${where}.`);
  } catch {
    return sick(
      `This user cannot write to ${where}.`,
      "Set `directory` (or SANDBOX_BACKEND_LOCAL_DIRECTORY) to a folder of this user's.",
    );
  }
}

/** Builds a sandbox and takes it away again, which tries namespaces and the overlay on that file system. */
async function probeNamespaces(directory: string, signal: AbortSignal): Promise<Finding> {
  const { LocalEngine } = await loadEngine();
  const probe = await LocalEngine.probe({ directory, signal });
  return probe.available
    ? healthy("Namespaces and the overlay work here.")
    : sick(`${probe.reason}.`, probe.advice);
}

/** Healthy in any case: what is not limited is a fact of this machine that a default does not promise. */
async function lookAtLimits(): Promise<Finding> {
  const { LocalEngine } = await loadEngine();
  const { processes, memory, cpus } = await LocalEngine.limits();
  const words = {
    "cgroup-v2": "by control groups (version 2)",
    "cgroup-v1": "by control groups (version 1)",
    rlimit: "by RLIMIT_NPROC of the sandbox's user namespace",
    none: "not at all: this user may make no control groups with that controller",
  };
  return healthy(
    `Limits of a sandbox are enforced so: number of processes ${words[processes]}; memory ${words[memory]}; processor time ${words[cpus]}.`,
  );
}

function lookForPrograms(): Finding {
  const missing = programs.filter(([names]) => !names.some(isInstalled)).map(([, what]) => what);
  return missing.length === 0
    ? healthy("The programs that sandboxes use are installed.")
    : sick(`Missing on this machine: ${missing.join("; ")}.`, "Install them.");
}

function isInstalled(program: string): boolean {
  return programFolders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
