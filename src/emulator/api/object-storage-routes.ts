import type { StorageAccessDto } from "@daytona/api-client";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendJson } from "../http/send.ts";
import { bucket, storagePath, storageRegion } from "../object-storage/handle-storage.ts";
import type { ApiRoutes } from "./api-call.ts";

/** Credentials for the upload of image contexts. */
export function addObjectStorageRoutes(
  routes: ApiRoutes,
  { storage, profile, address }: EmulatorServices,
): void {
  routes.add("GET", "/object-storage/push-access", {
    handle: ({ key, response }) => {
      const mayWrite = ["write:snapshots", "write:sandboxes"] as const;
      if (key.permissions && !mayWrite.some((permission) => key.permissions?.has(permission)))
        throw new ApiError(403, "Forbidden resource");
      const { accessKey, secret, sessionToken, organizationId } = storage.accesses.grant(
        key.organizationId,
      );
      const storageUrl = `${address().origin}${storagePath}`;
      const access = { accessKey, secret, sessionToken, storageUrl, organizationId, bucket };
      // Server 0.190 does not tell the region.
      const answer = profile.newerRoutes ? { ...access, region: storageRegion } : access;
      sendJson(response, 200, answer satisfies Partial<StorageAccessDto>);
    },
  });
}
