import * as z from "zod/mini";
import type { DoctorOptions } from "../../contract/doctor.ts";
import type { DestroyOptions, ListOptions } from "../../contract/provider.ts";
import type { SweepOptions } from "../../contract/sweep.ts";
import { badArgument, callShape, checkOptions } from "../check-arguments.ts";
import { lazily } from "../config/lazily.ts";
import { labelsSchema } from "../config/shared-config.ts";
import { isPassableText } from "../config/texts.ts";

const ownerSchema = lazily(() =>
  z.string().check(
    z.refine((owner) => owner !== "" && isPassableText(owner), {
      error: "the owner of sandboxes, a text that is not empty",
    }),
  ),
);

const listSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    owner: z.optional(ownerSchema()),
    labels: z.optional(labelsSchema()),
    confirm: z.optional(z.boolean()),
  }),
);

const destroySchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    owner: z.optional(ownerSchema()),
    force: z.optional(z.boolean()),
  }),
);

const sweepSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    owner: ownerSchema(),
    labels: z.optional(
      labelsSchema().check(
        z.refine((labels) => Object.keys(labels).length > 0, {
          error: "at least one label: none would select every sandbox of the owner",
        }),
      ),
    ),
    dryRun: z.optional(z.boolean()),
    idleMs: z.optional(z.int().check(z.minimum(0))),
    includeRunning: z.optional(z.boolean()),
    includeLeased: z.optional(z.boolean()),
  }),
);

const doctorSchema = lazily(() =>
  z.strictObject({ ...callShape(), probeSandbox: z.optional(z.boolean()) }),
);

export function checkListOptions(options: ListOptions | undefined): ListOptions {
  return checkOptions("list", listSchema, options);
}

export function checkDestroyOptions(options: DestroyOptions | undefined): DestroyOptions {
  return checkOptions("destroy", destroySchema, options);
}

export function checkSweepOptions(options: SweepOptions): SweepOptions {
  return checkOptions("sweep", sweepSchema, options);
}

export function checkDoctorOptions(options: DoctorOptions | undefined): DoctorOptions {
  return checkOptions("doctor", doctorSchema, options);
}

export function checkSandboxId(sandboxId: unknown): string {
  if (typeof sandboxId === "string" && sandboxId !== "" && isPassableText(sandboxId)) {
    return sandboxId;
  }
  throw badArgument("sandboxId", "the ID of a sandbox");
}
