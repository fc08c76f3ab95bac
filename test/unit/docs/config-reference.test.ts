import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as z from "zod/mini";
import { daytonaConfigSchema } from "../../../src/backends/daytona/daytona-config.ts";
import { localConfigSchema } from "../../../src/backends/local/local-config.ts";
import { sharedConfigShape } from "../../../src/core/config/shared-config.ts";
import { type BackendConfigs, backendTypes, createBackend } from "../../../src/create-backend.ts";
import { plainText, tableBelow } from "./markdown-table.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/backends.md"), "utf8");

/** Names of all options of an object's shape, those of nested objects with a dot; a record's keys are the caller's. */
function optionNames(shape: Readonly<Record<string, unknown>>, parent = ""): string[] {
  return Object.entries(shape).flatMap(([key, schema]) => {
    const name = `${parent}${key}`;
    const inner = schema instanceof z.ZodMiniOptional ? schema.def.innerType : schema;
    return inner instanceof z.ZodMiniObject
      ? [name, ...optionNames(inner.shape, `${name}.`)]
      : [name];
  });
}

function documentedNames(heading: string): string[] {
  return tableBelow(page, heading).map(([name]) => plainText(name));
}

/** What each backend cannot be made without. */
const smallestConfigs: BackendConfigs = { daytona: { apiKey: "key-of-the-test" }, local: {} };

const sharedNames = optionNames(sharedConfigShape());

test("the table of every backend's options has the schema's names", () => {
  expect(documentedNames("### Every backend").sort()).toEqual(sharedNames.toSorted());
});

test("the table of daytona's options has the names that its schema adds", () => {
  const own = optionNames(daytonaConfigSchema().shape).filter(
    (name) => !sharedNames.includes(name),
  );
  expect(own).toContain("resources.cpu");
  expect(documentedNames("### `daytona`").sort()).toEqual(own.sort());
});

test("the table of local's options has the names that its schema adds", () => {
  const own = optionNames(localConfigSchema().shape).filter((name) => !sharedNames.includes(name));
  expect(own).toContain("isolation");
  expect(documentedNames("### `local`").sort()).toEqual(own.sort());
});

test("each option has a type, a default and a meaning", () => {
  const headings = ["### Every backend", ...backendTypes.map((type) => `### \`${type}\``)];
  const rows = headings.flatMap((heading) => tableBelow(page, heading));
  expect(rows.filter((cells) => cells.length !== 4 || cells.includes(""))).toEqual([]);
});

test("the capability table has a column for each type, with the values that its backend states", () => {
  const heading = page.split("\n").find((line) => line.startsWith("| capability |"));
  expect(heading).toBe(
    `| capability | ${backendTypes.map((type) => `\`${type}\``).join(" | ")} | meaning |`,
  );
  const rows = tableBelow(page, "## What each can do");
  backendTypes.forEach((type, column) => {
    const { capabilities } = createBackend(type, smallestConfigs[type]);
    const documented = Object.fromEntries(
      rows.map((cells) => [plainText(cells[0]), plainText(cells[column + 1])]),
    );
    const stated = Object.fromEntries(
      Object.entries(capabilities).map(([name, value]) => [name, String(value)]),
    );
    expect(documented).toEqual(stated);
  });
});
