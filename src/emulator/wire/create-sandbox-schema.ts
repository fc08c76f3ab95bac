import * as z from "zod/mini";

const resource = z.optional(z.int().check(z.minimum(0)));
const interval = z.optional(z.int());
const stringMap = z.record(z.string(), z.string());

/** Body of `POST /sandbox` (Daytona openapi API, CreateSandbox). Unknown fields are ignored, as the server does. */
export const createSandboxSchema = z.object({
  name: z.optional(z.string()),
  snapshot: z.optional(z.string()),
  buildInfo: z.optional(
    z.object({
      dockerfileContent: z.string(),
      contextHashes: z.optional(z.array(z.string())),
    }),
  ),
  user: z.optional(z.string()),
  env: z.optional(stringMap),
  labels: z.optional(stringMap),
  public: z.optional(z.boolean()),
  target: z.optional(z.string()),
  cpu: resource,
  gpu: resource,
  memory: resource,
  disk: resource,
  gpuType: z.optional(z.union([z.string(), z.array(z.string())])),
  spot: z.optional(z.boolean()),
  kvm: z.optional(z.boolean()),
  autoStopInterval: interval,
  autoPauseInterval: interval,
  autoArchiveInterval: interval,
  autoDeleteInterval: interval,
  ttlMinutes: z.optional(z.int().check(z.minimum(0))),
  volumes: z.optional(
    z.array(
      z.object({
        volumeId: z.string(),
        mountPath: z.string(),
        subpath: z.optional(z.string()),
      }),
    ),
  ),
  networkBlockAll: z.optional(z.boolean()),
  networkAllowList: z.optional(z.string()),
  domainAllowList: z.optional(z.string()),
  outboundProxyUrl: z.optional(z.string()),
  otelEndpointOverride: z.optional(z.string()),
  linkedSandbox: z.optional(z.string()),
  secrets: z.optional(z.array(stringMap)),
});

export type CreateSandboxBody = z.infer<typeof createSandboxSchema>;
