import type { DaytonaResources } from "../daytona-config.ts";

/** The size as the SDK wants it, in a `resources` field; nothing where nothing was asked for. */
export function sdkResources(resources: DaytonaResources | undefined): Record<string, unknown> {
  if (resources === undefined) return {};
  const { cpu, memoryGiB, diskGiB } = resources;
  return {
    resources: {
      ...(cpu === undefined ? {} : { cpu }),
      ...(memoryGiB === undefined ? {} : { memory: memoryGiB }),
      ...(diskGiB === undefined ? {} : { disk: diskGiB }),
    },
  };
}
