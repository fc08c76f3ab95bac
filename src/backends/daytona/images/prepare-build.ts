import * as z from "zod/mini";
import { ConfigError } from "../../../contract/provider-errors.ts";
import type { BuildSnapshotOptions } from "../../../contract/snapshot.ts";
import { lazily } from "../../../core/config/lazily.ts";
import { parseConfig } from "../../../core/config/parse-config.ts";
import type { PreparedBuild } from "../../../core/snapshots/snapshot-transport.ts";
import type { TransportCall } from "../../../core/transport.ts";
import { resourcesSchema } from "../daytona-config.ts";
import type { DaytonaConnection } from "../daytona-connection.ts";
import type { DaytonaSnapshot } from "../daytona-sdk.ts";
import { baseImages, prepareImage } from "./build-source.ts";
import { DaytonaBuildLog } from "./daytona-build-log.ts";
import { imageBuilderSchema, imageReferenceSchema } from "./image-data.ts";
import { asImageOf } from "./sdk-image.ts";
import { sdkResources } from "./sdk-resources.ts";
import { classifySnapshotError } from "./snapshot-errors.ts";
import { untilAccepted } from "./until-accepted.ts";

/** Seconds that the SDK may take for the request alone; its wait is left out. */
const requestSeconds = 50;

/** What keeps a sandbox alive whose image would end at once, as most do. */
const keepAlive = ["sleep", "infinity"];

const referenceSchema = lazily(() =>
  z.object({ image: imageReferenceSchema(), resources: z.optional(resourcesSchema()) }),
);
const builderSchema = lazily(() =>
  z.object({ image: imageBuilderSchema(), resources: z.optional(resourcesSchema()) }),
);

/** @throws {@link ConfigError} for a moving tag, for missing local files, and for what is no image. */
export async function prepareDaytonaBuild(
  connection: DaytonaConnection,
  { image, resources }: Pick<BuildSnapshotOptions, "image" | "resources">,
): Promise<PreparedBuild> {
  const isReference = typeof image === "string";
  const schema = isReference ? referenceSchema() : builderSchema();
  parseConfig<unknown>(schema, { image, resources }, "What is to be built", "snapshots.build");
  for (const base of isReference ? [image] : baseImages(image)) checkFixed(base);
  const prepared = isReference ? undefined : await prepareImage(image, "image");

  const params = async (name: string): Promise<Record<string, unknown>> => ({
    name,
    ...sdkResources(resources),
    ...(prepared === undefined
      ? { image, entrypoint: keepAlive }
      : { image: asImageOf(await connection.sdk(), prepared, () => undefined) }),
  });
  const find = async (name: string, call: TransportCall): Promise<boolean> => {
    const client = await connection.client();
    const found = await connection.request(call, () => client.snapshot.get(name));
    return isMadeFrom(found, prepared?.dockerfile, isReference ? image : undefined);
  };
  return {
    request: (name, call) =>
      untilAccepted<void>(call, {
        request: async (signal) => {
          const client = await connection.client();
          const given = await params(name);
          try {
            await connection.request({ signal }, () =>
              client.snapshot.create(given, { timeout: requestSeconds }),
            );
          } catch (error) {
            if (signal.aborted) throw signal.reason;
            throw classifySnapshotError(error, name);
          }
        },
        look: async () => ((await find(name, call)) ? { found: undefined } : undefined),
      }),
    isMade: (name, call) => find(name, call).catch(() => false),
    openLog: (id) =>
      prepared === undefined ? undefined : new DaytonaBuildLog(connection.access, "snapshots", id),
  };
}

function isMadeFrom(
  { buildInfo, imageName }: DaytonaSnapshot,
  dockerfile: string | undefined,
  image: string | undefined,
): boolean {
  return dockerfile === undefined
    ? imageName === image
    : buildInfo?.dockerfileContent === dockerfile;
}

/** A name without a tag means `:latest`, which is another image every week. */
function checkFixed(image: string): void {
  const isFixed = image.includes("@sha256:") || /:(?!latest$)[^/:]+$/.test(image);
  if (isFixed) return;
  throw new ConfigError(
    `A snapshot is to stay what it is. \`image\`: expected a base with a tag other than \`:latest\`, or a digest, such as node:20-slim; ${image} moves.`,
    { path: "image", operation: "snapshots.build" },
  );
}
