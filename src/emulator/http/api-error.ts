import { STATUS_CODES } from "node:http";

/** A failure of the control-plane API. Its body has neither `code` nor `source`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  toBody(path: string): Record<string, unknown> {
    return {
      path,
      timestamp: new Date().toISOString(),
      statusCode: this.status,
      error: STATUS_CODES[this.status] ?? "Error",
      message: this.message,
    };
  }
}

export function sandboxNotFound(idOrName: string): ApiError {
  return new ApiError(404, `Sandbox with ID or name ${idOrName} not found`);
}

export function stateChangeInProgress(): ApiError {
  return new ApiError(409, "Sandbox state change in progress");
}
