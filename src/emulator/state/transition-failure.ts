/** Why a transition ended in `error` or `build_failed`. */
export class TransitionFailure extends Error {
  override readonly name = "TransitionFailure";
  readonly to: "error" | "build_failed";
  /** What the sandbox's `errorReason` becomes; undefined gives an error without a reason. */
  readonly errorReason: string | undefined;
  readonly recoverable: boolean;

  constructor(failure: {
    readonly to?: "error" | "build_failed";
    readonly errorReason?: string;
    readonly recoverable?: boolean;
  }) {
    super(failure.errorReason ?? "The transition failed");
    this.to = failure.to ?? "error";
    this.errorReason = failure.errorReason;
    this.recoverable = failure.recoverable ?? false;
  }
}
