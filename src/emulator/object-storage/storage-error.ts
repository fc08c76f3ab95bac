import { escapeXml } from "./xml.ts";

/** A failure in S3's form: XML with a code. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }

  toXml(): string {
    return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${this.code}</Code><Message>${escapeXml(this.message)}</Message></Error>`;
  }
}

export function accessDenied(message = "Access Denied"): StorageError {
  return new StorageError(403, "AccessDenied", message);
}

export function noSuchKey(): StorageError {
  return new StorageError(404, "NoSuchKey", "The specified key does not exist.");
}

export function noSuchUpload(): StorageError {
  return new StorageError(404, "NoSuchUpload", "The specified multipart upload does not exist.");
}
