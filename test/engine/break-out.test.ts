import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { hasEveryCapability } from "../helpers/capabilities.ts";
import { attempts, ESCAPED } from "./break-out/attempts.ts";
import { fileAttempts } from "./break-out/file-attempts.ts";
import { LIMITS, limitAttempts } from "./break-out/limit-attempts.ts";
import { printOutcomes } from "./break-out/print-outcomes.ts";
import { runAttempts, withTarget } from "./break-out/run-attempts.ts";
import { namespacesUnderTest } from "./isolations.ts";
import { openTemporaryEngine } from "./temporary-engine.ts";

const { isolation, skipped, title } = await namespacesUnderTest();

describe("attempts to break out", () => {
  test.skipIf(skipped)(`nothing gets out of isolation ${title}`, async () => {
    await using temporary = await openTemporaryEngine(isolation);
    const { engine } = temporary;
    const folder = dirname(temporary.directory);
    await withTarget(engine, folder, async (target) => {
      const sandbox = await engine.create({ id: "attacker" });
      const outcomes = await runAttempts(sandbox, attempts, target);
      printOutcomes(`Attempts to break out, isolation ${isolation}`, outcomes);
      expect(outcomes.filter(({ outcome }) => outcome === ESCAPED)).toEqual([]);

      const throughFiles = await fileAttempts(sandbox, target);
      printOutcomes("The same by the engine's own file methods", throughFiles);
      expect(throughFiles.filter(({ outcome }) => outcome.startsWith(ESCAPED))).toEqual([]);
      expect(readFileSync(target.SECRET_FILE, "utf8")).toBe("HOST_SECRET\n");
      expect(readdirSync(target.HOST_FOLDER)).toEqual([]);
      expect(existsSync(join("/tmp/jail"))).toBe(false);
    });
  });

  test.skipIf(skipped)(`nothing gets over the limits of isolation ${title}`, async () => {
    const mechanisms = { ...(await LocalEngine.limits()), network: "namespace" };
    const isLimited = (needs: "processes" | "memory" | "network") => mechanisms[needs] !== "none";
    await using temporary = await openTemporaryEngine(isolation);
    const { engine } = temporary;
    await withTarget(engine, dirname(temporary.directory), async (target) => {
      const { processes, memoryBytes } = LIMITS;
      const sandbox = await engine.create({
        id: "limited",
        network: "none",
        limits: {
          ...(isLimited("processes") ? { processes } : {}),
          ...(isLimited("memory") ? { memoryBytes } : {}),
        },
      });
      const tried = limitAttempts.filter(({ needs }) => isLimited(needs));
      const outcomes = await runAttempts(sandbox, tried, target);
      const untried = limitAttempts
        .filter((attempt) => !tried.includes(attempt))
        .map(({ name }) => ({ name, outcome: "not tried: nothing limits it on this machine" }));
      printOutcomes("Attempts to get over the limits and out of a closed network", [
        ...outcomes,
        ...untried,
      ]);
      expect(outcomes.filter(({ outcome }) => outcome === ESCAPED)).toEqual([]);
    });
  });

  test("the attempts are real: without isolation they get out", async () => {
    await using temporary = await openTemporaryEngine("none");
    const { engine } = temporary;
    await withTarget(engine, dirname(temporary.directory), async (target) => {
      const sandbox = await engine.create({ id: "attacker" });
      // The rights of the machine's root are there to get for a root alone that has them.
      const real = [...attempts, ...limitAttempts].filter(
        ({ name, worksWithoutIsolation }) =>
          worksWithoutIsolation === true &&
          (hasEveryCapability || !name.startsWith("get the right")),
      );
      const outcomes = await runAttempts(sandbox, real, target);
      expect(outcomes.filter(({ outcome }) => outcome !== ESCAPED)).toEqual([]);
      // Without isolation the file methods still stay in the sandbox's folder.
      const throughFiles = await fileAttempts(sandbox, target);
      expect(throughFiles.filter(({ outcome }) => outcome.startsWith(ESCAPED))).toEqual([]);
      expect(readFileSync(target.SECRET_FILE, "utf8")).toBe("HOST_SECRET\n");
    });
  });
});
