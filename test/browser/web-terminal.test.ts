import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DaytonaEmulator, startDaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { findChromium, launchChromium } from "./chromium.ts";
import { CuttingProxy } from "./cutting-proxy.ts";
import { TerminalPage } from "./terminal-page.ts";
import { startWebTerminal, type WebTerminalServer } from "./web-terminal-server.ts";

const executablePath = findChromium();
const isSkipped = executablePath === undefined;
const reason = isSkipped ? " (skipped: this machine has no Chromium)" : "";

describe.skipIf(isSkipped)(`a terminal in a browser${reason}`, () => {
  let folder: string;
  let emulator: DaytonaEmulator;
  let browser: Browser;
  let server: WebTerminalServer;
  let args: readonly string[];

  const start = (port: number): Promise<WebTerminalServer> =>
    startWebTerminal({ port, stateFolder: folder, env: emulator.environment, args });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "web-terminal-test-"));
    const probe = await LocalEngine.probe();
    // Without namespaces an absolute path would be one of this machine's.
    args = probe.available ? [] : ["--work-dir", "~/workspace"];
    emulator = await startDaytonaEmulator({
      isolation: probe.available ? "namespaces" : "none",
    });
    [server, browser] = await Promise.all([start(0), launchChromium(executablePath ?? "")]);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.end("SIGKILL");
    await emulator?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Opens windows for one test and closes them afterwards. */
  const withWindows = async (
    count: number,
    body: (...windows: [TerminalPage, TerminalPage]) => Promise<void>,
    url = server.url,
  ): Promise<void> => {
    const windows: TerminalPage[] = [];
    try {
      for (let n = 0; n < count; n++) windows.push(await TerminalPage.open(browser, url));
      await body(...(windows as [TerminalPage, TerminalPage]));
      expect(windows.flatMap(({ complaints }) => complaints)).toEqual([]);
    } finally {
      for (const window of windows) await window.close();
    }
  };

  test("a command's output is shown, and again after a reload", () =>
    withWindows(1, async (window) => {
      await window.type("echo first-$((40 + 2))");
      await window.shows("first-42");
      await window.page.reload();
      await window.shows("first-42");
      await window.type("echo second-$((40 + 3))");
      await window.shows("second-43");
    }));

  test("two windows share the terminal", () =>
    withWindows(2, async (one, other) => {
      await one.type("echo from-one-$((1 + 1))");
      await other.shows("from-one-2");
      await other.type("echo from-other-$((1 + 2))");
      await one.shows("from-other-3");
    }));

  test("a killed server that starts again goes on with the same shell", () =>
    withWindows(1, async (window) => {
      const sandboxes = emulator.sandboxes().map(({ id }) => id);
      await window.type("secret=17; echo set-$((1 + 1))");
      await window.shows("set-2");
      const { port } = new URL(server.url);
      const { url } = server;
      expect(await server.end("SIGKILL")).toBe("SIGKILL");
      await window.page.locator("#banner", { hasText: "Connection lost." }).waitFor();
      server = await start(Number(port));
      expect(server.url).toBe(url);
      await window.isConnected();
      await window.type("echo still-$((secret + 1))");
      await window.shows("still-18");
      // The page was not loaded anew: it went on from the byte that it had.
      expect(window.received.toString().split("set-2")).toHaveLength(2);
      await window.page.reload();
      await window.shows("set-2");
      expect(emulator.sandboxes().map(({ id }) => id)).toEqual(sandboxes);
    }));

  test("the terminal has the window's size", () =>
    withWindows(1, async (window) => {
      const seen: string[] = [];
      let shown = "none yet";
      for (const [width, height] of [
        [1000, 600],
        [700, 400],
        [1300, 800],
      ] as const) {
        await window.page.setViewportSize({ width, height });
        shown = await window.sizeAfter(shown);
        const [cols, rows] = shown.split(" × ");
        await window.type("echo size $(stty size).");
        await window.shows(`size ${rows} ${cols}.`);
        seen.push(`${rows} ${cols}`);
      }
      expect(new Set(seen).size).toBe(3);
    }));

  test("a cut connection goes on from the byte that the page has", async () => {
    const { port, pathname } = new URL(server.url);
    const proxy = await CuttingProxy.start(Number(port));
    try {
      const throughProxy = `http://127.0.0.1:${proxy.port}${pathname}`;
      await withWindows(
        1,
        async (window) => {
          const lines = 250;
          await window.type(
            `for n in $(seq ${lines}); do echo "line $n of the output"; sleep 0.005; done; echo cut-$((1 + 1))`,
          );
          for (const n of [30, 100, 170]) {
            await waitUntil(() => window.received.includes(`line ${n} `));
            proxy.cut();
            await window.page.locator("#connection", { hasText: "reconnecting" }).waitFor();
            await window.isConnected();
          }
          await window.shows("cut-2");
          expect(window.connections).toBeGreaterThanOrEqual(4);
          await withWindows(1, async (fresh) => {
            await fresh.shows("cut-2");
            // Another window has it all from the terminal's record, over one connection.
            const all = fresh.received;
            const start = all.indexOf(window.received.subarray(0, 2_000));
            expect(start).toBe(0);
            const length = all.lastIndexOf("cut-2");
            expect(sha256(window.received.subarray(0, length))).toBe(
              sha256(all.subarray(0, length)),
            );
          });
          const text = window.received.toString();
          for (let n = 1; n <= lines; n++) {
            expect(text.split(`line ${n} of the output\r\n`)).toHaveLength(2);
          }
        },
        throughProxy,
      );
    } finally {
      await proxy.close();
    }
  });

  test("what a program asked the terminal is not answered again by a reload", () =>
    withWindows(1, async (window) => {
      // It asks where the cursor is, and takes the answer.
      await window.type(
        `clear; IFS= read -rsd R -t 20 -p "$(printf '\\033[6n')" answer; echo "answer-\${#answer}"`,
      );
      await window.shows(/answer-[4-9]/);
      // Shows what is typed into it.
      await window.type("echo ready-$((1 + 1)); cat -v");
      await window.shows("ready-2");
      await window.page.reload();
      await window.shows("ready-2");
      await window.type("typed by hand");
      await window.shows("typed by hand");
      await window.page.keyboard.press("Control+d");
      await window.type("echo done-$((1 + 1))");
      await window.shows("done-2");
      expect(await window.screen()).not.toContain("^[[");
    }));

  test("the files are listed as directories are opened, and anew when asked for", () =>
    withWindows(1, async (window) => {
      const { page } = window;
      const tree = page.locator("#tree");
      await tree.locator(".entry", { hasText: "README.md" }).waitFor();
      await page.locator("#branch", { hasText: "web-terminal" }).waitFor();
      await page.locator("#state", { hasText: "running" }).waitFor();
      await window.type("mkdir -p deep/er && echo text >deep/er/leaf.txt; echo made-$((1 + 1))");
      await window.shows("made-2");
      await page.locator("#refresh-files").click();
      await tree.getByText("deep", { exact: true }).click();
      expect(await tree.getByText("leaf.txt").count()).toBe(0);
      await tree.getByText("er", { exact: true }).click();
      await tree.getByText("leaf.txt").waitFor();
      // What is open stays open.
      await page.locator("#refresh-files").click();
      await tree.getByText("leaf.txt").waitFor();
    }));

  test("a terminal that has ended says so, and a new one takes its place in every window", () =>
    withWindows(2, async (one, other) => {
      await one.type("exit 3");
      for (const window of [one, other]) {
        await window.page.locator("#end", { hasText: "exit code 3" }).waitFor();
      }
      await one.page.reload();
      await one.page.locator("#end", { hasText: "exit code 3" }).waitFor();
      await one.page.locator("#new-terminal").click();
      for (const window of [one, other]) {
        await window.page.locator("#end").waitFor({ state: "hidden" });
      }
      await one.page.locator(".xterm-rows", { hasText: /[$#]/ }).waitFor();
      await other.type("echo anew-$((1 + 1))");
      await one.shows("anew-2");
      expect(await one.screen()).not.toContain("exit 3");
    }));
});

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function waitUntil(isSo: () => boolean): Promise<void> {
  const giveUpAtMs = Date.now() + 20_000;
  while (!isSo()) {
    if (Date.now() > giveUpAtMs) throw new Error("It did not come.");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
