import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { describe, expect, test } from "vitest";
import { type BackendType, backendTypes } from "../../src/create-backend.ts";

const sourceFolder = join(import.meta.dirname, "../../src");
const lineLimit = 300;

/** Where each provider's SDK (of the local backend, the engine) is loaded, and the names under which it can be imported. */
const loaders: Readonly<
  Record<BackendType, { readonly file: string; readonly names: readonly string[] }>
> = {
  daytona: {
    file: "backends/daytona/daytona-sdk.ts",
    names: ["@daytonaio/sdk", "@daytona/sdk"],
  },
  local: { file: "backends/local/local-engine-loader.ts", names: ["../../engine/index.ts"] },
};

interface SourceFile {
  /** Relative to `src`, with `/`. */
  readonly path: string;
  readonly text: string;
}

const sourceFiles: readonly SourceFile[] = readdirSync(sourceFolder, {
  recursive: true,
  withFileTypes: true,
})
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({
    path: relative(sourceFolder, path).replaceAll(sep, "/"),
    text: readFileSync(path, "utf8"),
  }));

/** Paths of the files in which the pattern occurs. */
function filesWith(pattern: RegExp): string[] {
  return sourceFiles.filter(({ text }) => pattern.test(text)).map(({ path }) => path);
}

function escapeForPattern(text: string): string {
  return text.replaceAll(/[/.\-+*?^$()[\]{}|\\]/g, "\\$&");
}

/** Any import or re-export of one of the names, of a type or of a value, or of a path below it. */
function importOf(names: readonly string[]): RegExp {
  const specifier = `["'](?:${names.map(escapeForPattern).join("|")})(?:/[^"']*)?["']`;
  return new RegExp(String.raw`(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)${specifier}`);
}

test("the walk over the sources finds them", () => {
  expect(sourceFiles.map(({ path }) => path)).toContain("contract/backend.ts");
});

describe("backends", () => {
  test("each folder is a type of the factory, and each type has a folder", () => {
    const folders = readdirSync(join(sourceFolder, "backends"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
    expect(folders).toEqual([...backendTypes]);
  });

  test.each(backendTypes)("%s: what it stands on is imported in one file alone", (type) => {
    const { file, names } = loaders[type];
    expect(filesWith(importOf(names))).toEqual([file]);
  });

  test.each(backendTypes)("%s: it is never imported statically", (type) => {
    const names = loaders[type].names.map(escapeForPattern).join("|");
    expect(filesWith(new RegExp(String.raw`\bfrom\s*["'](?:${names})["']`))).toEqual([]);
  });

  test("the engine is loaded by nobody who imports a backend", () => {
    const values = /^(?:import|export)(?! type\b)[^;]*?\bfrom\s*["'][^"']*\/engine\/[^"']+["']/m;
    expect(filesWith(values).filter((path) => !/^(?:emulator|engine|cli)\//.test(path))).toEqual(
      [],
    );
  });
});

test("of the generated API clients only types are imported", () => {
  const statements = sourceFiles.flatMap(({ path, text }) =>
    [...text.matchAll(/^(?:import|export)\b[^;]*?\bfrom\s*["']@daytona\/[^"']+["']/gm)].map(
      ([statement]) => ({ path, statement }),
    ),
  );
  expect(statements.length).toBeGreaterThan(0);
  expect(
    statements.filter(({ statement }) => !/^(?:import|export) type\b/.test(statement)),
  ).toEqual([]);
});

test(`no file has ${lineLimit} lines or more`, () => {
  const tooLong = sourceFiles
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split("\n").length }))
    .filter(({ lines }) => lines >= lineLimit);
  expect(tooLong).toEqual([]);
});

test("no file exports all of another", () => {
  expect(filesWith(/^\s*export\s*\*/m)).toEqual([]);
});
