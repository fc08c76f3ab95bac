import * as z from "zod/mini";
import type { BackendConfig } from "../../contract/config.ts";
import type { ImageData, ImageResources, SdkImage } from "../../contract/image.ts";
import { ConfigError } from "../../contract/provider-errors.ts";
import { lazily } from "../../core/config/lazily.ts";
import { parseConfig } from "../../core/config/parse-config.ts";
import { checkSharedOptions, sharedConfigShape } from "../../core/config/shared-config.ts";
import { checkVolumes } from "../../core/config/volumes-config.ts";
import { checkIdle } from "./daytona-idle-config.ts";
import {
  checkSandboxOptions,
  type DaytonaSandboxOptions,
  daytonaSandboxShape,
} from "./daytona-sandbox-options.ts";
import type { DaytonaSdkSource } from "./daytona-sdk.ts";
import { imageBuilderSchema, imageReferenceSchema, imageText } from "./images/image-data.ts";

/** Size of a sandbox; only with `image` or `imageBuilder`, since a snapshot has its size built in. */
export type DaytonaResources = ImageResources;

/** Config of `createBackend("daytona", …)`. */
export interface DaytonaConfig extends BackendConfig, DaytonaSandboxOptions {
  /** Default: the environment variable `DAYTONA_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** Base address of the API. Default: `DAYTONA_API_URL`, else `https://app.daytona.io/api`. */
  readonly apiUrl?: string | undefined;
  /** Kept in `ref`, for a host app with several organisations; the key itself decides which one is meant. Default: `DAYTONA_ORGANIZATION_ID`. */
  readonly organizationId?: string | undefined;
  /** Region. Default: `DAYTONA_TARGET`, else `us`. */
  readonly target?: string | undefined;
  /** The SDK module, or a function that loads it. Default: `@daytonaio/sdk`, loaded at first use. */
  readonly sdk?: DaytonaSdkSource | undefined;
  /** Image to build the sandbox from, such as `node:20-slim`. Not together with `snapshot`; with neither, Daytona's default snapshot. */
  readonly image?: string | undefined;
  /**
   * Image that is built for the sandbox: plain data, or the SDK's own `Image`. Not together with `image` or `snapshot`. Local files
   * are looked at by `setup`, before its first request.
   */
  readonly imageBuilder?: ImageData | SdkImage | undefined;
  /** Name or ID of a snapshot. */
  readonly snapshot?: string | undefined;
  readonly resources?: DaytonaResources | undefined;
}

const defaultApiUrl = "https://app.daytona.io/api";
const defaultTarget = "us";

const filledText = lazily(() =>
  z.string().check(z.refine((text) => text.trim() !== "", { error: "text that is not empty" })),
);
const wholeNumber = () => z.int().check(z.minimum(1));

/** How Daytona is reached: the options that a backend and a provider share. */
export const daytonaAccessShape = lazily(() => ({
  apiKey: z.optional(filledText()),
  apiUrl: z.optional(
    z.string().check(
      z.refine((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol), {
        error: "an http or https address, such as https://app.daytona.io/api",
      }),
    ),
  ),
  organizationId: z.optional(filledText()),
  target: z.optional(filledText()),
  sdk: z.optional(
    z.custom<DaytonaSdkSource>(
      (value) => typeof value === "function" || (typeof value === "object" && value !== null),
      { error: "the module @daytonaio/sdk, or a function that loads it" },
    ),
  ),
}));

export const resourcesSchema = lazily(() =>
  z.strictObject({
    cpu: z.optional(wholeNumber()),
    memoryGiB: z.optional(wholeNumber()),
    diskGiB: z.optional(wholeNumber()),
  }),
);

export const daytonaConfigSchema = lazily(() =>
  z.strictObject({
    ...sharedConfigShape(),
    ...daytonaAccessShape(),
    image: z.optional(imageReferenceSchema()),
    imageBuilder: z.optional(imageBuilderSchema()),
    snapshot: z.optional(filledText()),
    resources: z.optional(resourcesSchema()),
    ...daytonaSandboxShape(),
  }),
);

/** A checked config with everything that the environment decides filled in. */
export interface ResolvedDaytonaConfig extends DaytonaConfig {
  readonly apiKey: string;
  readonly apiUrl: string;
  readonly target: string;
}

/**
 * Checks a config and fills in the environment.
 *
 * @throws {@link ConfigError} that names the path and what was expected.
 */
export function resolveDaytonaConfig(
  config: DaytonaConfig,
  environment: Readonly<Record<string, string | undefined>>,
): ResolvedDaytonaConfig {
  const checked = parseConfig(daytonaConfigSchema(), config, "The config of the daytona backend");
  const problem =
    checkSharedOptions(checked) ??
    checkVolumes(checked) ??
    checkSource(checked) ??
    checkSandboxOptions(checked) ??
    checkIdle(checked.idle);
  if (problem !== undefined) {
    throw new ConfigError(
      `The config of the daytona backend is wrong. \`${problem.path}\`: expected ${problem.expected}.`,
      { path: problem.path },
    );
  }
  const fromEnvironment = (name: string): string | undefined => {
    const value = environment[name]?.trim();
    return value === "" ? undefined : value;
  };
  const apiKey = checked.apiKey ?? fromEnvironment("DAYTONA_API_KEY");
  if (apiKey === undefined) {
    throw new ConfigError(
      "The daytona backend needs an API key: set `apiKey` in its config, or the environment variable DAYTONA_API_KEY.",
      { path: "apiKey" },
    );
  }
  const apiUrl = checked.apiUrl ?? fromEnvironment("DAYTONA_API_URL") ?? defaultApiUrl;
  return {
    ...checked,
    apiKey,
    apiUrl: apiUrl.replace(/\/+$/, ""),
    target: checked.target ?? fromEnvironment("DAYTONA_TARGET") ?? defaultTarget,
    organizationId: checked.organizationId ?? fromEnvironment("DAYTONA_ORGANIZATION_ID"),
  };
}

function checkSource(config: DaytonaConfig): { path: string; expected: string } | undefined {
  const [first, second] = (["image", "imageBuilder", "snapshot"] as const).filter(
    (key) => config[key] !== undefined,
  );
  if (second !== undefined) {
    return {
      path: second,
      expected: `nothing beside \`${first}\`: a sandbox is made from one source`,
    };
  }
  if (config.resources !== undefined && (first === undefined || first === "snapshot")) {
    return {
      path: "resources",
      expected:
        "`image` or `imageBuilder` beside it: the size of a snapshot is built in, and Daytona refuses another",
    };
  }
  return undefined;
}

/** What the sandbox is made from, for the fingerprint. Of local files their paths count, and not what is in them. */
export function sourceText(config: DaytonaConfig): string {
  if (config.imageBuilder !== undefined) {
    return `build ${imageText(config.imageBuilder)} ${JSON.stringify(config.resources ?? {})}`;
  }
  if (config.image !== undefined) {
    return `image ${config.image} ${JSON.stringify(config.resources ?? {})}`;
  }
  return `snapshot ${config.snapshot ?? "(default)"}`;
}
