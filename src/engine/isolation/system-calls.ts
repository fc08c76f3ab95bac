import { EngineError } from "../engine-error.ts";

/** The calls that building a sandbox needs and that no function of perl's makes. */
const NAMES = [
  "mount",
  "umount2",
  "pivot_root",
  "unshare",
  "sethostname",
  "setgroups",
  "prctl",
  "capset",
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
  capset: 126,
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
  capset: 91,
};

const NUMBERS: ReadonlyMap<string, SystemCallNumbers> = new Map([
  ["x64", X86_64],
  ["arm64", GENERIC],
  ["riscv64", GENERIC],
  ["loong64", GENERIC],
]);

/**
 * Pairs of name and number, as arguments of a program.
 *
 * @throws EngineError `ISOLATION_UNAVAILABLE` on a machine whose numbers are not known.
 */
export function systemCallArguments(architecture: string = process.arch): string[] {
  const numbers = NUMBERS.get(architecture);
  if (numbers === undefined) {
    throw new EngineError(
      "ISOLATION_UNAVAILABLE",
      `namespaces are supported on ${[...NUMBERS.keys()].join(", ")}, and this machine is ${architecture}`,
    );
  }
  return NAMES.flatMap((name) => [name, String(numbers[name])]);
}
