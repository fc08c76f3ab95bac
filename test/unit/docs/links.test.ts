import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const repository = join(import.meta.dirname, "../../..");

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(repository, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Targets of a page's links that are files of the repository, without the part after `#`. */
function linkedFiles(page: string): string[] {
  const text = readFileSync(join(repository, page), "utf8");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target.replace(/#.*$/, ""))
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target));
}

test.each(pages)("%s: every link leads to a file", (page) => {
  const missing = linkedFiles(page).filter(
    (target) => !existsSync(join(repository, dirname(page), target)),
  );
  expect(missing).toEqual([]);
});

test("the README links every page of docs", () => {
  const linked = linkedFiles("README.md");
  expect(pages.filter((page) => page.startsWith("docs/") && !linked.includes(page))).toEqual([]);
});
