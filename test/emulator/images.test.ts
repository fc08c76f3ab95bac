import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Daytona, Image, type Sandbox } from "@daytonaio/sdk";
import { create as createArchive } from "tar";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { sandboxesHaveUsers } from "../helpers/capabilities.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";

const { available } = await LocalEngine.probe();

let emulator: DaytonaEmulator;
let daytona: Daytona;
let context: string;
beforeAll(async () => {
  emulator = await startEmulator();
  daytona = sdkClient(emulator);
  context = await mkdtemp(join(tmpdir(), "image-context-"));
});
afterAll(async () => {
  await emulator.close();
  await rm(context, { recursive: true });
});

async function write(path: string, content: string, mode = 0o644): Promise<string> {
  const whole = join(context, path);
  await mkdir(join(whole, ".."), { recursive: true });
  await writeFile(whole, content, { mode });
  return whole;
}

async function build(image: Image): Promise<{ sandbox: Sandbox; log: string }> {
  const chunks: string[] = [];
  const sandbox = await daytona.create(
    { image },
    { timeout: 60, onSnapshotCreateLogs: (chunk) => chunks.push(chunk) },
  );
  return { sandbox, log: chunks.join("\n") };
}

async function output(sandbox: Sandbox, command: string): Promise<string> {
  const { result, exitCode } = await sandbox.process.executeCommand(command);
  expect(exitCode, result).toBe(0);
  return result;
}

function dockerfile(...lines: string[]): Image {
  return Image.base("debian:12").dockerfileCommands(lines);
}

describe.skipIf(!available)("an image of the SDK's builder", () => {
  const another = sandboxesHaveUsers ? "another user" : "no other user (there is none here)";
  test(`is built for real: steps, environment, working directory, local files, ${another}, entry point`, async () => {
    const user = sandboxesHaveUsers ? "builder" : "root";
    const home = sandboxesHaveUsers ? "/home/builder" : "/root";
    const script = await write("bin/hello.sh", "#!/bin/sh\necho hello from $1\n", 0o755);
    await write("tree/deep/data.txt", "data");
    const image = Image.base("debian:12")
      .env({ GREETING: "hello world", PRICE: "5$" })
      .workdir("/srv/my app")
      .runCommands('echo "$GREETING" > greeting; echo seen; echo also seen >&2', [
        "sh",
        "-c",
        "id -un > who",
      ])
      .addLocalFile(script, "/usr/local/bin/")
      .addLocalDir(join(context, "tree"), "tree")
      .dockerfileCommands([
        `RUN ${sandboxesHaveUsers ? "useradd --create-home builder && " : ""}echo kept > /tmp/kept`,
        `USER ${user}`,
        "ENV PATH=$PATH:/opt/tools",
      ])
      .entrypoint(["sh", "-c", "echo begun; exec sleep infinity"]);
    const { sandbox, log } = await build(image);
    expect(log).toMatch(/FROM debian:12\n.*this machine's own system/);
    expect(log).toContain("seen");
    expect(log).toContain("also seen");
    expect(log).toMatch(/\[\d\/\d\] COPY .*tree tree/);

    const seen = await output(
      sandbox,
      'pwd; cat greeting who tree/deep/data.txt; echo; hello.sh "$PRICE"; id -un; echo $HOME; cat /tmp/kept; echo $PATH',
    );
    expect(seen.split("\n")).toEqual([
      "/srv/my app",
      "hello world",
      "root",
      "data",
      "hello from 5$",
      user,
      home,
      "kept",
      expect.stringMatching(/^\/.*\/bin:\/opt\/tools$/),
      "",
    ]);
    expect(await sandbox.getWorkDir()).toBe("/srv/my app");
    await sandbox.fs.uploadFile(Buffer.from("mine"), `${home}/own/file`);
    expect(await output(sandbox, "echo more >> ~/own/file; stat -c %U ~/own ~/own/file")).toBe(
      `${user}\n${user}\n`,
    );
    await expect
      .poll(async () => (await sandbox.process.getEntrypointLogs()).stdout)
      .toBe("begun\n");

    // The environment and the working directory outlive a stop; and the same image is not built again.
    await sandbox.stop();
    await sandbox.start();
    expect(await output(sandbox, 'pwd; echo "$GREETING"')).toBe("/srv/my app\nhello world\n");
    const again = await daytona.create({ image });
    expect(await output(again, "cat greeting")).toBe("hello world\n");
    expect(emulator.requests.list({ path: "/sandboxes/{sandboxId}/build-logs" })).toHaveLength(1);
    await Promise.all([sandbox.delete(60, true), again.delete(60, true)]);
  });

  test.runIf(isLongRun)("takes over the layers of another as far as they are equal", async () => {
    const first = dockerfile("RUN head -c 12 /dev/urandom | od -An -tx1 > /random");
    const one = await build(first);
    const two = await build(dockerfile(...lines(first), "RUN echo x > /x"));
    expect(two.log).toMatch(/CACHED \[2\/3\] RUN head/);
    expect(two.log).not.toMatch(/CACHED \[3\/3\]/);
    expect(await output(two.sandbox, "cat /random")).toBe(await output(one.sandbox, "cat /random"));
    // What another file holds is another layer.
    const file = await write("changing", "one");
    const copy = () => Image.base("debian:12").addLocalFile(file, "/changing");
    for (const content of ["one", "two"]) {
      await writeFile(file, content);
      const { sandbox } = await build(copy());
      expect(await output(sandbox, "cat /changing")).toBe(content);
      await sandbox.delete(60, true);
    }
    for (const { sandbox } of [one, two]) await sandbox.delete(60, true);
  });

  test.runIf(isLongRun)("stages, arguments, heredocs, owners, modes and archives", async () => {
    await write("packed/inside.txt", "unpacked");
    await createArchive({ file: join(context, "packed.tar.gz"), gzip: true, cwd: context }, [
      "packed",
    ]);
    await write("a.txt", "a");
    await write("b.txt", "b");
    await write(
      "Dockerfile",
      [
        "ARG BASE=debian:12",
        "FROM ${BASE} AS maker",
        "ARG VERSION=7",
        "WORKDIR /out",
        "RUN echo made $VERSION > made && mkdir tree && echo leaf > tree/leaf",
        "FROM ${BASE}",
        "COPY --from=maker --chown=1234:1235 --chmod=640 /out/made /made",
        "COPY --from=maker /out/tree /tree",
        'COPY ["*.txt", "texts/"]',
        // The SDK uploads what a COPY names, and nothing of an ADD.
        "COPY packed.tar.gz /packed.tar.gz",
        "ADD packed.tar.gz /unpacked/",
        "COPY <<-END /inline",
        "\tHOME is $HOME",
        "END",
        "RUN <<END",
        "set -e",
        "echo scripted > /scripted",
        "END",
        'SHELL ["/bin/bash", "-c"]',
        "RUN echo $BASH_VERSION > /shell",
        "CMD echo ignored",
        "EXPOSE 80",
      ].join("\n"),
    );
    const { sandbox } = await build(Image.fromDockerfile(join(context, "Dockerfile")));
    const seen = await output(
      sandbox,
      "cat /made /tree/leaf /texts/a.txt /texts/b.txt /unpacked/packed/inside.txt; echo; cat /inline /scripted; test -s /shell; stat -c '%u %g %a' /made; ls /out 2>&1 || true",
    );
    expect(seen).toBe(
      "made 7\nleaf\nabunpacked\nHOME is \nscripted\n1234 1235 640\nls: cannot access '/out': No such file or directory\n",
    );
    await sandbox.delete(60, true);
  });
});

/** The lines below FROM. */
function lines(image: Image): string[] {
  return image.dockerfile.trim().split("\n").slice(1);
}

describe.skipIf(!available)("a build fails", () => {
  test("by a step, with its log, and is tried anew", async () => {
    const image = dockerfile("RUN echo trying; exit 3");
    for (const attempt of isLongRun ? ["first", "second"] : ["first"]) {
      const chunks: string[] = [];
      const failure = daytona.create(
        { image, name: `${attempt}-try` },
        { onSnapshotCreateLogs: (chunk) => chunks.push(chunk) },
      );
      await expect(failure).rejects.toThrow(
        /build_failed, error reason: process "\/bin\/sh -c echo trying; exit 3" did not complete successfully: exit code: 3/,
      );
      expect(chunks.join("\n")).toMatch(/^trying\nERROR: process/m);
    }
    const [left] = emulator.sandboxes();
    expect(left).toMatchObject({ name: "first-try", state: "build_failed" });
    for (const { id } of emulator.sandboxes()) await (await daytona.get(id)).delete();
    await expect.poll(() => emulator.sandboxes()).toEqual([]);
  });

  test.skipIf(!isLongRun).each([
    ["an unknown instruction", ["NOPE"], /line 2: unknown instruction: NOPE/],
    [
      "what is not implemented",
      ["RUN --mount=type=cache,target=/c true"],
      /does not implement RUN --mount/,
    ],
    [
      "a remote source",
      ["ADD https://example.com/x /x"],
      /does not implement ADD of a remote address/,
    ],
    ["another image's files", ["COPY --from=node:20 /x /x"], /pulls no image/],
    ["a program that is missing", ['RUN ["no-such-program"]'], /no-such-program/],
  ])("by %s", failsWith);

  test.each([
    ["a missing source", ["COPY nowhere /x"], /"\/nowhere": not found/],
    ["an unknown user", ["USER nobody-here", "RUN true"], /unable to find user nobody-here/],
  ])("by %s", failsWith);

  test("by a context that was never uploaded", async () => {
    const buildInfo = { dockerfileContent: "FROM a\nCOPY x /x\n", contextHashes: ["0123"] };
    const { id } = await request("POST", "/sandbox", { buildInfo });
    expect(await settled(String(id))).toMatchObject({
      state: "build_failed",
      errorReason: expect.stringMatching(/^failed to get tar from storage with hash 0123/),
    });
    await request("DELETE", `/sandbox/${id}`);
  });
});

describe.runIf(available && isLongRun)("an entry point that ends at once", () => {
  test("leaves the sandbox as it is, and its session tells", async () => {
    const { sandbox } = await build(
      dockerfile('ENTRYPOINT ["sh", "-c", "echo broken >&2; exit 5"]'),
    );
    await expect
      .poll(async () => (await sandbox.process.getEntrypointSession()).commands[0]?.exitCode)
      .toBe(5);
    expect((await sandbox.process.getEntrypointLogs()).stderr).toBe("broken\n");
    await sandbox.delete(60, true);
  });

  test("is the sandbox's error where it is the first process", async () => {
    await using strict = await startEmulator({ useSnapshotEntrypoint: true });
    const client = sdkClient(strict);
    await expect(
      client.create({ image: dockerfile('ENTRYPOINT ["false"]') }, { timeout: 60 }),
    ).rejects.toThrow(
      /status: error, error reason: .* ensure that your entrypoint is long-running/,
    );
    const running = await client.create({
      image: dockerfile('ENTRYPOINT ["sh", "-c", "exec sleep 987"]'),
    });
    // The sandbox ends under the command.
    await running.process.executeCommand("pkill -f '^sleep 987'").catch(() => {});
    await expect
      .poll(async () => (await client.get(running.id)).state, { timeout: 10_000 })
      .toBe("stopped");
  });
});

describe.skipIf(!available)("snapshots", () => {
  test("are built with their log, and sandboxes begin from them", async () => {
    const image = dockerfile(
      "ENV TOOL=here",
      "WORKDIR /tool",
      "RUN echo installed > state; echo working",
    );
    const chunks: string[] = [];
    const snapshot = await daytona.snapshot.create(
      { name: "tools:1", image, resources: { cpu: 2, memory: 2 }, entrypoint: ["sleep", "1000"] },
      { onLogs: (chunk) => chunks.push(chunk) },
    );
    expect(snapshot).toMatchObject({
      state: "active",
      cpu: 2,
      mem: 2,
      entrypoint: ["sleep", "1000"],
    });
    // The SDK ends to follow the log as soon as the snapshot is ready, so its last lines may be missing.
    expect(chunks.join("\n")).toMatch(/Creating snapshot tools:1/);
    const sandbox = await daytona.create({ snapshot: "tools:1" });
    expect(sandbox.cpu).toBe(2);
    expect(await output(sandbox, "pwd; cat state; echo $TOOL")).toBe("/tool\ninstalled\nhere\n");
    await sandbox.delete(60, true);

    await expect(
      daytona.snapshot.create({ name: "broken:1", image: dockerfile("RUN exit 9") }),
    ).rejects.toThrow(/broken:1 Reason: .*exit code: 9/);
    await expect(daytona.snapshot.create({ name: "tools:1", image })).rejects.toThrow(
      /already exists/,
    );
    for (const imageName of ["node", "node:latest", "node@sha256:12", "no de:1"])
      await expect(daytona.snapshot.create({ name: "bad:1", image: imageName })).rejects.toThrow();
    expect(await daytona.snapshot.create({ name: "plain:1", image: "node:20" })).toMatchObject({
      state: "active",
      imageName: "node:20",
    });
  });
});

test.skipIf(available)("without isolation no step is run", async () => {
  await expect(daytona.create({ image: dockerfile("RUN true") })).rejects.toThrow(
    /needs isolation/,
  );
});

async function request(method: string, path: string, body?: unknown) {
  const response = await fetch(`${emulator.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${emulator.apiKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await response.json()) as Record<string, unknown>;
}

async function settled(id: string): Promise<Record<string, unknown>> {
  let sandbox: Record<string, unknown> = {};
  await expect
    .poll(
      async () => {
        sandbox = await request("GET", `/sandbox/${id}`);
        return sandbox.state;
      },
      { timeout: 30_000 },
    )
    .toMatch(/started|error|build_failed/);
  return sandbox;
}

async function failsWith(_: string, commands: readonly string[], reason: RegExp): Promise<void> {
  // Not by the SDK's builder, which looks for sources itself.
  const dockerfileContent = `FROM debian:12\n${commands.join("\n")}\n`;
  const sandbox = await request("POST", "/sandbox", { buildInfo: { dockerfileContent } });
  expect(sandbox.state).toBe("pending_build");
  expect(await settled(String(sandbox.id))).toMatchObject({
    state: "build_failed",
    errorReason: expect.stringMatching(reason),
  });
  await request("DELETE", `/sandbox/${sandbox.id}`);
}
