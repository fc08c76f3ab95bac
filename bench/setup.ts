import { join } from "node:path";
import { Daytona } from "@daytonaio/sdk";
import { startGitServer } from "../examples/quickstart/demo-repository/git-http-server.ts";
import { createBackend } from "../src/create-backend.ts";
import type { DaytonaEmulator, LoggedRequest } from "../src/emulator/index.ts";
import type { Benchmark } from "./benchmark.ts";
import { freePort } from "./free-port.ts";
import { printTable } from "./print-table.ts";
import { median, percentile } from "./statistics.ts";
import { startMeasuredEmulator } from "./with-sandbox.ts";

const rounds = 12;
const warmUpRounds = 1;
const latencyMs = 80;
/** Beside the straight script: how much of its time, and how many requests more. */
const aims = { ratio: 1, more: 5 };
const agentSource = join(import.meta.dirname, "../test/fixtures/agent/agent.cjs");

interface Site {
  readonly emulator: DaytonaEmulator;
  readonly workDir: string | undefined;
  readonly repoUrl: string;
  readonly port: number;
}

interface Subject {
  readonly title: string;
  /** Sets up a sandbox, and returns how to take it away again, which is not measured. */
  readonly setUp: (site: Site) => Promise<() => Promise<void>>;
  readonly timesMs: number[];
  requests: readonly LoggedRequest[];
}

/** What it costs that setup proves what it says, adopts, and takes back what fails. */
export const setup: Benchmark = {
  question: "How long does a full setup take, beside a straight script on the raw SDK?",
  async run() {
    await using gitServer = await startGitServer();
    const { emulator, workDir } = await startMeasuredEmulator({ latencyMs });
    await using _emulator = emulator;
    const subjects: Subject[] = [
      { title: "setup()", setUp: setUpWithLibrary, timesMs: [], requests: [] },
      { title: "raw SDK", setUp: setUpWithSdk, timesMs: [], requests: [] },
    ];
    for (let round = -warmUpRounds; round < rounds; round++) {
      // Each goes first as often as the other.
      for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
        const site = {
          emulator,
          workDir,
          repoUrl: gitServer.repositories.public,
          port: await freePort(),
        };
        await measure(subject, site, round >= 0);
      }
    }
    report(subjects);
  },
};

async function measure(subject: Subject, site: Site, counts: boolean): Promise<void> {
  const { requests } = site.emulator;
  requests.clear();
  const startMs = performance.now();
  const takeAway = await subject.setUp(site);
  const durationMs = performance.now() - startMs;
  if (counts) {
    subject.timesMs.push(durationMs);
    // The raw SDK's client opens a socket for the events of the whole organisation.
    subject.requests = requests.list().filter(({ path }) => path !== "/socket.io");
  }
  await takeAway();
}

async function setUpWithLibrary({
  emulator,
  workDir,
  repoUrl,
  port,
}: Site): Promise<() => Promise<void>> {
  const backend = createBackend("daytona", {
    apiKey: emulator.apiKey,
    apiUrl: emulator.url,
    workDir,
    repoUrl,
    agent: { source: agentSource, port, health: { path: "/health" } },
  });
  await backend.setup();
  return async () => {
    await backend.teardown();
    await backend[Symbol.asyncDispose]();
  };
}

/** What one writes in an afternoon: each step after the other, and nothing for the case that one of them fails. */
async function setUpWithSdk({
  emulator,
  workDir = "/workspace",
  repoUrl,
  port,
}: Site): Promise<() => Promise<void>> {
  const sdk = new Daytona({ apiKey: emulator.apiKey, apiUrl: emulator.url, target: "us" });
  const sandbox = await sdk.create({ autoStopInterval: 15, autoDeleteInterval: 43_200 });
  const folder = workDir.replace(/^~/, "$HOME");
  await sandbox.process.executeCommand(`git clone ${repoUrl} "${folder}"`);
  await sandbox.fs.uploadFile(agentSource, "/tmp/agent");
  await sandbox.process.createSession("agent");
  await sandbox.process.executeSessionCommand("agent", {
    command: `chmod +x /tmp/agent; cd "${folder}"; SANDBOX_AGENT_PORT=${port} /tmp/agent`,
    runAsync: true,
  });
  const { url } = await sandbox.getSignedPreviewUrl(port, 3_600);
  for (;;) {
    const response = await fetch(`${url}/health`, {
      headers: { "X-Daytona-Skip-Preview-Warning": "true" },
    });
    await response.body?.cancel();
    if (response.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return async () => {
    await sandbox.delete();
    await sdk[Symbol.asyncDispose]();
  };
}

/** What `setup` sends each request for, in the order of each route's requests; `asked` is how often the agent was asked. */
const purposesOf = (asked: number): Readonly<Record<string, readonly string[]>> => ({
  "POST /sandbox": ["create the sandbox"],
  "GET /sandbox/{sandboxIdOrName}": [
    "the SDK's own look at the new sandbox",
    "prove that the idle times are the configured ones",
  ],
  "POST /toolbox/{sandboxId}/process/execute": [
    "prove that a command runs; home directory, secrets, what is there of an agent",
    "clone, as a durable command",
    "start the agent, as a durable process",
    // The end is watched for from the first answer on that is not the agent's.
    ...(asked > 1 ? ["watch for an early end of the agent, which was not ready at once"] : []),
    "prove that it is the agent who answered",
  ],
  "POST /toolbox/{sandboxId}/files/bulk-upload": ["upload the agent"],
  "GET /sandbox/{sandboxIdOrName}/ports/{port}/signed-preview-url": ["address of the agent"],
  "GET /health": Array(asked).fill("prove that the agent answers through its address"),
  "POST /sandbox/{sandboxIdOrName}/autodelete/{interval}": [
    "the configured idle time in place of the short one that a dead host would have left",
  ],
});

function report(subjects: readonly Subject[]): void {
  console.log(
    `\nCreate, clone, start an agent, prove that it answers; ${rounds} rounds in turns, ${latencyMs} ms of latency, milliseconds\n`,
  );
  const [ours, raw] = subjects.map(({ timesMs }) => median(timesMs));
  printTable(
    ["way", "median", "p95", "beside raw", "requests of the last round"],
    subjects.map(({ title, timesMs, requests }) => [
      title,
      median(timesMs).toFixed(0),
      percentile(timesMs, 95).toFixed(0),
      (median(timesMs) / (raw ?? Number.NaN)).toFixed(2),
      String(requests.length),
    ]),
    1,
  );
  for (const { title, requests } of subjects) {
    console.log(`\n${title}`);
    const purposes = purposesOf(requests.filter(({ path }) => path === "/health").length);
    const seen = new Map<string, number>();
    for (const { method, path } of requests) {
      const route = `${method} ${path}`;
      const count = seen.get(route) ?? 0;
      seen.set(route, count + 1);
      const purpose = title === "setup()" ? (purposes[route]?.[count] ?? "again") : "";
      console.log(`  ${route.padEnd(64)}${purpose}`.trimEnd());
    }
  }
  const ratio = (ours ?? Number.NaN) / (raw ?? Number.NaN);
  const [oursSent, rawSent] = subjects.map(({ requests }) => requests.length);
  const more = (oursSent ?? Number.NaN) - (rawSent ?? Number.NaN);
  console.log(
    `\nsetup() takes ${ratio.toFixed(2)} times the straight script's time (the aim, at most ${aims.ratio.toFixed(1)}, is ${verdict(ratio <= aims.ratio)}) and sends ${more} requests more (the aim, at most ${aims.more}, is ${verdict(more <= aims.more)}).`,
  );
}

function verdict(isMet: boolean): string {
  return isMet ? "met" : "missed";
}
