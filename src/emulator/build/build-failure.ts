/** A build that failed by what is in its Dockerfile or its context; the message is for its author. */
export class BuildFailure extends Error {
  override readonly name = "BuildFailure";
}
