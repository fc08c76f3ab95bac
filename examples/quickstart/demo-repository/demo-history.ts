/**
 * The history of the demo repository: a shell program with its own tests (`./test.sh`), which need nothing but `sh`.
 *
 * Authors and dates are fixed, so that every run makes the same commits.
 */

interface DemoFile {
  readonly path: string;
  readonly content: string;
  readonly executable?: boolean;
}

interface DemoCommit {
  readonly branch: string;
  readonly message: string;
  /** Mark of the parent; none begins the history. */
  readonly parent?: number;
  readonly files: readonly DemoFile[];
}

const readme = `# greet

Greets people from the shell.

    ./greet.sh Ada        # Hello, Ada!
    ./test.sh             # runs the tests
`;

const firstGreeting = `#!/bin/sh
# Usage: greet.sh [name]
printf 'Hello, %s!\\n' "\${1:-world}"
`;

const greetingOfMany = `#!/bin/sh
# Usage: greet.sh [name...]
[ "$#" -gt 0 ] || set -- world
for name in "$@"; do
  printf 'Hello, %s!\\n' "$name"
done
`;

const loudGreeting = `#!/bin/sh
# Usage: greet.sh [name]
printf 'HELLO, %s!\\n' "$(printf %s "\${1:-world}" | tr '[:lower:]' '[:upper:]')"
`;

function testScript(checks: readonly string[]): string {
  return `#!/bin/sh
# Runs greet.sh and compares what it prints. Exit code 1 when a check fails.
cd "$(dirname "$0")" || exit 2
failed=0
check() {
  expected=$1
  shift
  actual=$(./greet.sh "$@")
  if [ "$actual" = "$expected" ]; then
    printf 'ok      greet.sh %s\\n' "$*"
  else
    printf 'FAILED  greet.sh %s: expected "%s", got "%s"\\n' "$*" "$expected" "$actual"
    failed=1
  fi
}
${checks.join("\n")}
exit "$failed"
`;
}

const packageJson = `${JSON.stringify(
  { name: "greet", version: "1.0.0", private: true, scripts: { test: "./test.sh" } },
  undefined,
  2,
)}\n`;

const commits: readonly DemoCommit[] = [
  {
    branch: "main",
    message: "Greet one person",
    files: [
      { path: "README.md", content: readme },
      { path: "greet.sh", content: firstGreeting, executable: true },
    ],
  },
  {
    branch: "main",
    message: "Test the greeting",
    parent: 1,
    files: [
      { path: "package.json", content: packageJson },
      {
        path: "test.sh",
        content: testScript([`check "Hello, world!"`, `check "Hello, Ada!" Ada`]),
        executable: true,
      },
    ],
  },
  {
    branch: "main",
    message: "Greet several people",
    parent: 2,
    files: [
      { path: "greet.sh", content: greetingOfMany, executable: true },
      {
        path: "test.sh",
        content: testScript([
          `check "Hello, world!"`,
          `check "Hello, Ada!" Ada`,
          `check "Hello, Ada!\nHello, Alan!" Ada Alan`,
        ]),
        executable: true,
      },
    ],
  },
  {
    branch: "feature/louder",
    message: "Greet louder",
    parent: 2,
    files: [
      { path: "greet.sh", content: loudGreeting, executable: true },
      {
        path: "test.sh",
        content: testScript([`check "HELLO, WORLD!"`, `check "HELLO, ADA!" Ada`]),
        executable: true,
      },
    ],
  },
];

export const demoBranches = { default: "main", other: "feature/louder" } as const;
export const demoTag = "v1.0.0";

/** The whole history as a stream for `git fast-import`. */
export function demoHistory(): string {
  const parts: string[] = [];
  for (const [index, commit] of commits.entries()) {
    const mark = index + 1;
    const when = `${1_760_000_000 + mark * 86_400} +0000`;
    parts.push(`commit refs/heads/${commit.branch}`, `mark :${mark}`);
    parts.push(`author Ada Example <ada@example.com> ${when}`);
    parts.push(`committer Ada Example <ada@example.com> ${when}`);
    parts.push(data(commit.message));
    if (commit.parent !== undefined) parts.push(`from :${commit.parent}`);
    for (const file of commit.files) {
      parts.push(`M ${file.executable === true ? "100755" : "100644"} inline ${file.path}`);
      parts.push(data(file.content));
    }
    parts.push("");
  }
  parts.push(`tag ${demoTag}`, "from :2");
  parts.push("tagger Ada Example <ada@example.com> 1760200000 +0000", data("First release"));
  parts.push("done", "");
  return parts.join("\n");
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}`;
}
