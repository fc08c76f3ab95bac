import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { SystemMetrics } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendJson } from "../http/send.ts";
import { invalidBody, parseDaemonBody } from "./parse-daemon-body.ts";
import type { ToolboxCall, ToolboxRoutes } from "./toolbox-call.ts";

const initSchema = z.object({ token: z.string().check(z.minLength(1)) });

/** The hand-over of a token, and what the sandbox uses of the machine. */
export function addSystemRoutes(
  routes: ToolboxRoutes,
  { newer }: { readonly newer: boolean },
): void {
  routes.add("POST", "/init", {
    handle: async (call) => {
      const parsed = await parseDaemonBody(call, initSchema, "InitializeRequest");
      if (!parsed.success) throw invalidBody(parsed.complaint);
      sendJson(call.response, 200, {
        message: "Auth token set and telemetry initialized successfully",
      });
    },
  });
  if (newer) routes.add("GET", "/system/metrics", { handle: systemMetrics });
}

const gibibyte = 1024 ** 3;
const sampleMs = 100;

// Of the processes that the sandbox sees: resident pages, page cache apart, and clock ticks since their start.
const sample = [
  "getconf PAGESIZE; getconf CLK_TCK",
  "cat /proc/[0-9]*/statm 2>/dev/null",
  "echo =",
  "cat /proc/[0-9]*/stat 2>/dev/null",
  "echo =",
  'df -kP "$HOME"',
].join("\n");

/** Memory and processor of the sandbox's own processes, and the file system that holds its files. */
async function systemMetrics(call: ToolboxCall): Promise<void> {
  const { cpu, memoryGiB } = call.entry.record;
  const before = await takeSample(call);
  const startedAtMs = performance.now();
  await delay(sampleMs, undefined, { signal: call.daemon.gone });
  const after = await takeSample(call);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const used = Math.max(0, after.cpuSeconds - before.cpuSeconds) / seconds / cpu;
  const now = new Date();
  sendJson(call.response, 200, {
    cpuCount: cpu,
    cpuUsedPct: Math.min(100, used * 100),
    memTotal: memoryGiB * gibibyte,
    memUsed: after.residentBytes,
    memCache: 0,
    ...after.disk,
    timestamp: now.toISOString(),
    timestampUnix: Math.floor(now.getTime() / 1000),
  } satisfies SystemMetrics);
}

async function takeSample({ engine }: ToolboxCall) {
  const child = await engine.spawn(["/bin/sh", "-c", sample], { env: { LC_ALL: "C" } });
  child.stdin.end();
  child.stderr.resume();
  const [output] = await Promise.all([buffer(child.stdout), child.exited]);
  const [sizes = "", stats = "", disks = ""] = output.toString("latin1").split("\n=\n");
  const [pageBytes = "4096", ticksPerSecond = "100", ...pages] = sizes.split("\n");
  const residentPages = pages.map((line) => Number(line.split(" ")[1] ?? 0));
  // The program's name, in parentheses, can hold anything.
  const ticks = stats.split("\n").map((line) => {
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  });
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  const [diskTotal = 0, diskUsed = 0, diskFree = 0] = (disks.trim().split("\n").at(-1) ?? "")
    .split(/\s+/)
    .slice(1, 4)
    .map((blocks) => Number(blocks) * 1024);
  return {
    residentBytes: sum(residentPages) * Number(pageBytes),
    cpuSeconds: sum(ticks) / Number(ticksPerSecond),
    disk: { diskTotal, diskUsed, diskFree },
  };
}
