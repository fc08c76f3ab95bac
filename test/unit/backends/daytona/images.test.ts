import { describe, expect, test } from "vitest";
import { resolveDaytonaConfig } from "../../../../src/backends/daytona/daytona-config.ts";
import { archivePaths } from "../../../../src/backends/daytona/images/archive-paths.ts";
import { baseImages } from "../../../../src/backends/daytona/images/build-source.ts";
import { dockerfileText } from "../../../../src/backends/daytona/images/dockerfile-text.ts";
import { asImageOf } from "../../../../src/backends/daytona/images/sdk-image.ts";
import { parseDockerfile } from "../../../../src/emulator/build/dockerfile/parse-dockerfile.ts";
import { ConfigError, type DaytonaConfig } from "../../../../src/index.ts";

describe("the Dockerfile of data", () => {
  test("has its fields in their order", () => {
    const text = dockerfileText(
      {
        base: "node:20-slim",
        env: { A: "1", B: 'x "y" $Z \\' },
        aptPackages: ["git", "curl=7.88.1-10"],
        workDir: "/srv/it's",
        run: ["npm ci", ["echo", "a b"]],
        user: "node",
        entrypoint: ["sleep", "infinity"],
      },
      [{ source: "a $b [1]", target: "/x y/" }],
    );
    expect(text.split("\n")).toEqual([
      "FROM node:20-slim",
      'ENV A="1"',
      'ENV B="x \\"y\\" \\$Z \\\\"',
      "RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends git curl=7.88.1-10 && rm -rf /var/lib/apt/lists/*",
      `WORKDIR "/srv/it's"`,
      'COPY ["a \\\\$b \\\\\\\\[1]","/x y/"]',
      "RUN npm ci",
      'RUN ["echo","a b"]',
      "USER node",
      'ENTRYPOINT ["sleep","infinity"]',
      "",
    ]);
  });

  test.each(["one\ntwo", "ends in \\", "[ -d x ]", "--mount=x", "cat <<EOF\nx\nEOF"])(
    "keeps the command %j one instruction",
    (command) => {
      const text = dockerfileText({ base: "a", run: [command] }, []);
      const { instructions } = parseDockerfile(text);
      expect(instructions).toHaveLength(2);
      expect(JSON.parse(instructions[1]?.rest ?? "")).toEqual(["/bin/sh", "-c", command]);
    },
  );
});

test.each([
  [["/home/a/src"], ["src"]],
  [
    ["/home/a/src", "/home/b/src"],
    ["a/src", "src"],
  ],
  [
    ["/home/a/src", "/home/a/src"],
    ["src", "src"],
  ],
  // What lies in the other keeps its place in it.
  [
    ["/p/app", "/p/app/lib"],
    ["app", "lib"],
  ],
  [["/p/@scope"], ["p/@scope"]],
])("the archive paths of %j", (sources, paths) => {
  expect(archivePaths(sources)).toEqual(paths);
});

test("bases are those that no stage of the Dockerfile is", () => {
  const dockerfile =
    "FROM --platform=linux/amd64 node:20 AS build\nRUN x\nfrom build\nFROM scratch\nFROM $BASE\nFROM b:1\n";
  expect(baseImages({ dockerfile, contextList: [] })).toEqual(["node:20", "b:1"]);
  expect(baseImages({ base: "c:2" })).toEqual(["c:2"]);
});

test("an image of any copy of the SDK becomes one of the class that is used", () => {
  class Image {}
  let isRead = false;
  const context = { sourcePath: "/a", archivePath: "a" };
  const image = asImageOf({ Image }, { dockerfile: "FROM x\n", contextList: [context] }, () => {
    isRead = true;
  }) as { readonly dockerfile: string; readonly contextList: unknown };
  expect(image).toBeInstanceOf(Image);
  expect(image.contextList).toEqual([context]);
  expect(isRead).toBe(false);
  expect(image.dockerfile).toBe("FROM x\n");
  expect(isRead).toBe(true);
  expect(() => asImageOf({}, { dockerfile: "", contextList: [] }, () => {})).toThrow(ConfigError);
});

describe("a config is refused", () => {
  const cases: readonly (readonly [DaytonaConfig, string])[] = [
    [{ image: "a b" }, "image"],
    [{ image: "a\nRUN x" }, "image"],
    [{ image: "a", imageBuilder: { base: "a" } }, "imageBuilder"],
    [{ imageBuilder: { base: "a" }, snapshot: "s" }, "snapshot"],
    [{ resources: { cpu: 1 } }, "resources"],
    [{ snapshot: "s", resources: { cpu: 1 } }, "resources"],
    [{ imageBuilder: { base: "" } }, "imageBuilder.base"],
    [{ imageBuilder: { base: "a", env: { A: "x\ny" } } }, "imageBuilder.env"],
    [{ imageBuilder: { base: "a", aptPackages: ["a; rm"] } }, "imageBuilder.aptPackages.0"],
    [{ imageBuilder: { base: "a", workDir: "relative" } }, "imageBuilder.workDir"],
    [
      { imageBuilder: { base: "a", contextDirectory: "relative" } },
      "imageBuilder.contextDirectory",
    ],
    [{ imageBuilder: { base: "a", copy: [{ from: "", to: "/x" }] } }, "imageBuilder.copy.0.from"],
    [{ imageBuilder: { base: "a", copy: [{ from: "x", to: "a\nb" }] } }, "imageBuilder.copy.0.to"],
    [{ imageBuilder: { base: "a", run: [[]] } }, "imageBuilder.run.0"],
    [{ imageBuilder: { base: "a", user: "a b" } }, "imageBuilder.user"],
    [{ imageBuilder: { base: "a", entrypoint: [] } }, "imageBuilder.entrypoint"],
    [{ imageBuilder: { base: "a", pip: ["x"] } as never }, "imageBuilder.pip"],
    [{ imageBuilder: { dockerfile: "RUN x\n", contextList: [] } }, "imageBuilder"],
    [{ imageBuilder: "node:20" as never }, "imageBuilder"],
  ];
  test.each(cases)("%j", (config, path) => {
    const resolve = () => resolveDaytonaConfig({ apiKey: "k", ...config }, {});
    expect(resolve).toThrow(ConfigError);
    expect(resolve).toThrow(expect.objectContaining({ path }));
  });

  test("and a good one is not", () => {
    const imageBuilder = { base: "a", run: ["x"] };
    const config = resolveDaytonaConfig({ apiKey: "k", imageBuilder, resources: { cpu: 1 } }, {});
    expect(config).toMatchObject({ imageBuilder, resources: { cpu: 1 } });
  });
});
