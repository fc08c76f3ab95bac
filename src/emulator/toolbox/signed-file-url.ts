import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * Whether a file URL carries a valid signature of the sandbox's key: `v1_` and HMAC-SHA256 over
 * `v1:files:<method>:<path>:<expires>`. `expires=0` never expires.
 */
export function isSignedFileUrl(
  signingKey: string,
  method: string,
  query: URLSearchParams,
): boolean {
  const path = query.get("path");
  const expires = query.get("expires");
  const signature = query.get("signature");
  if (path === null || expires === null || signature === null || !/^\d+$/.test(expires))
    return false;
  if (expires !== "0" && Number(expires) * 1000 <= Date.now()) return false;
  const text = `v1:files:${method}:${path}:${expires}`;
  const expected = `v1_${createHmac("sha256", signingKey).update(text).digest("base64url")}`;
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}
