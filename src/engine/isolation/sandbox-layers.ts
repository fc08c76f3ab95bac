import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import type { StoredSandbox } from "./confinement.ts";

/** The part of a layer that is the sandbox's root directory without the host's system directories. */
export const ROOT_PART = "root";
/** In a layer, the name servers that the engine gave to its sandbox last. No part of its files. */
export const GIVEN_NAME_SERVERS = "given-resolv.conf";

/** The part of a layer that holds the changes to a system directory of the host, such as `var/lib/dpkg`. */
export function layerPart(name: string): string {
  return name.replaceAll("/", "-");
}

/** The layers of a sandbox, the uppermost first: its own, and those below it that nobody changes any more. */
export class SandboxLayers {
  readonly own: string;
  readonly lower: readonly string[];

  constructor(own: string, lower: readonly string[]) {
    this.own = own;
    this.lower = lower;
  }

  static of({ folder, record }: StoredSandbox): SandboxLayers {
    const lower = (record.layers ?? []).map((id) => join(folder.sharedLayers, id));
    return new SandboxLayers(folder.own, lower);
  }

  /** Numbers of the lower layers in which a part has something. An overlay needs no empty ones. */
  lowerWith(part: string): number[] {
    return [...this.lower.keys()].filter((index) => {
      const path = join(this.lower[index] as string, part);
      return lstatSync(path, { throwIfNoEntry: false }) && readdirSync(path).length > 0;
    });
  }

  /** A name in the uppermost layer that knows it, even as removed. Undefined when only the host may have it. */
  find(part: string, path: string | Buffer = ""): { path: Buffer; kind: Stats } | undefined {
    for (const layer of [this.own, ...this.lower]) {
      const candidate = Buffer.concat([Buffer.from(`${join(layer, part)}/`), Buffer.from(path)]);
      const kind = lstatSync(candidate, { throwIfNoEntry: false });
      if (kind) return { path: candidate, kind };
    }
    return undefined;
  }
}
