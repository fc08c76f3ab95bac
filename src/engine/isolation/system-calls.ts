import { EngineError } from "../engine-error.ts";

/** The calls that building a sandbox and entering it need and that no function of perl's makes. */
const NAMES = [
  "mount",
  "umount2",
  "pivot_root",
  "unshare",
  "sethostname",
  "setgroups",
  "prctl",
  "capget",
  "capset",
  "setns",
  "clone",
  "setrlimit",
] as const;

type SystemCallNumbers = Readonly<Record<(typeof NAMES)[number], number>>;

/** From the kernel's `asm/unistd.h` of each: they never change. */
const X86_64: SystemCallNumbers = {
  mount: 165,
  umount2: 166,
  pivot_root: 155,
  unshare: 272,
  sethostname: 170,
  setgroups: 116,
  prctl: 157,
  capget: 125,
  capset: 126,
  setns: 308,
  clone: 56,
  setrlimit: 160,
};
/** `asm-generic/unistd.h`, which all newer machines have in common. */
const GENERIC: SystemCallNumbers = {
  mount: 40,
  umount2: 39,
  pivot_root: 41,
  unshare: 97,
  sethostname: 161,
  setgroups: 159,
  prctl: 167,
  capget: 90,
  capset: 91,
  setns: 268,
  clone: 220,
  setrlimit: 164,
};

const NUMBERS: ReadonlyMap<string, SystemCallNumbers> = new Map([
  ["x64", X86_64],
  ["arm64", GENERIC],
  ["riscv64", GENERIC],
  ["loong64", GENERIC],
]);

/** Whether namespaces are supported on this kind of machine. */
export function knowsSystemCalls(architecture: string = process.arch): boolean {
  return NUMBERS.has(architecture);
}

/** @throws EngineError `ISOLATION_UNAVAILABLE` on a machine whose numbers are not known. */
export function requireSystemCalls(): void {
  systemCallArguments();
}

/** Pairs of name and number, as arguments of a program. Throws as `systemCallNumber` does. */
export function systemCallArguments(): string[] {
  return NAMES.flatMap((name) => [name, String(systemCallNumber(name))]);
}

/** @throws EngineError `ISOLATION_UNAVAILABLE` on a machine whose numbers are not known. */
export function systemCallNumber(name: (typeof NAMES)[number]): number {
  const numbers = NUMBERS.get(process.arch);
  if (numbers !== undefined) return numbers[name];
  throw new EngineError(
    "ISOLATION_UNAVAILABLE",
    `namespaces are supported on ${[...NUMBERS.keys()].join(", ")}, and this machine is ${process.arch}`,
  );
}
