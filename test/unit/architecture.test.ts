import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { describe, expect, test } from "vitest";
import { type BackendType, backendTypes } from "../../src/create-backend.ts";

const sourceFolder = join(import.meta.dirname, "../../src");
const lineLimit = 300;

/** The names under which each provider's SDK can be imported; the first is our dependency. */
const sdkNames: Readonly<Record<BackendType, readonly string[]>> = {
  daytona: ["@daytonaio/sdk", "@daytona/sdk"],
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

  test.each(backendTypes)("%s: its SDK is imported in one file alone", (type) => {
    expect(filesWith(importOf(sdkNames[type]))).toEqual([`backends/${type}/${type}-sdk.ts`]);
  });

  test.each(backendTypes)("%s: its SDK is never imported statically", (type) => {
    const names = sdkNames[type].map(escapeForPattern).join("|");
    expect(filesWith(new RegExp(String.raw`\bfrom\s*["'](?:${names})["']`))).toEqual([]);
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
