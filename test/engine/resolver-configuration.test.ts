import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { refreshResolverConfiguration } from "../../src/engine/isolation/resolver-configuration.ts";
import { SandboxLayers } from "../../src/engine/isolation/sandbox-layers.ts";

let directory: string;
let etc: string;
let given: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "engine-resolver-"));
  etc = join(directory, "etc");
  given = join(directory, "given");
  mkdirSync(etc);
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe.skipIf(!existsSync("/etc/resolv.conf"))("name servers of a sandbox", () => {
  const layers = (): SandboxLayers => new SandboxLayers(directory, []);
  const path = (): string => join(etc, "resolv.conf");
  const host = (): string => readFileSync("/etc/resolv.conf", "latin1");

  test("are the host's, and follow a change of the host's at the next start", () => {
    refreshResolverConfiguration(layers(), given);
    expect(readFileSync(path(), "latin1")).toBe(host());
    for (const file of [path(), given]) writeFileSync(file, "nameserver 192.0.2.1\n");
    refreshResolverConfiguration(layers(), given);
    expect(readFileSync(path(), "latin1")).toBe(host());
  });

  test("stay as the sandbox has set them", () => {
    writeFileSync(given, "nameserver 192.0.2.1\n");
    writeFileSync(path(), "nameserver 192.0.2.2\n");
    refreshResolverConfiguration(layers(), given);
    expect(readFileSync(path(), "latin1")).toBe("nameserver 192.0.2.2\n");
  });

  test("are not written through a link", () => {
    const outside = join(directory, "outside");
    writeFileSync(outside, "nameserver 192.0.2.1\n");
    symlinkSync(outside, path());
    refreshResolverConfiguration(layers(), given);
    expect(readFileSync(outside, "latin1")).toBe("nameserver 192.0.2.1\n");
    expect(lstatSync(path()).isFile()).toBe(true);
  });
});
