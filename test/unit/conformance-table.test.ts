import { expect, test } from "vitest";
import { type Outcome, tableOf } from "../helpers/conformance-table.ts";

function outcome(backend: string, name: string, state: Outcome["state"], reason?: string): Outcome {
  return { backend, area: "exec", name, state, reason };
}

test("outcomes stand side by side, and what differs is named with its reason", () => {
  const text = tableOf([
    outcome("local (namespaces)", "one", "passed"),
    outcome("daytona (emulator)", "one", "passed"),
    outcome("local (namespaces)", "two", "skipped", "there is no image"),
    outcome("daytona (emulator)", "two", "passed"),
    outcome("daytona (emulator)", "three", "failed"),
  ]);
  expect(text).toBe(
    [
      "Conformance: cases passed",
      "  area  local (namespaces)  daytona (emulator)",
      "  exec  1 of 2              2 of 3",
      "",
      "1 cases have the same outcome with each; these differ:",
      "  exec: two",
      "      local (namespaces): skipped: there is no image",
      "      daytona (emulator): passed",
      "  exec: three",
      "      local (namespaces): no case",
      "      daytona (emulator): failed",
    ].join("\n"),
  );
  expect(tableOf([outcome("local (namespaces)", "one", "passed")])).toContain(
    "All 1 cases have the same outcome.",
  );
});
