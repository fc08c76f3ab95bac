import * as z from "zod/mini";

/** What happens to the PTYs of a daemon. The request that it strikes is matched like any other. */
export type PtyEffect =
  /**
   * Struck by `connect` and `create-connect`. All fields together. How and when the connection ends is the `websocket`
   * effect's; a request is struck by one fault of each kind.
   */
  | {
      readonly type: "pty-connection";
      /** The handshake selects no sub-protocol, whatever the client offers. */
      readonly subProtocol?: "none";
      /** The `exited` message is not sent, or sent before the output that `lateOutputMs` holds back. */
      readonly exitControl?: "omitted" | "early";
      /** Is sent first: so many of the last bytes that the PTY has shown, whether this client has seen them or not. */
      readonly replayBytes?: number;
      /** Output comes so much later than all else. */
      readonly lateOutputMs?: number;
      /** What `lateOutputMs` still holds back when the program ends is lost. Default: false. */
      readonly losesTail?: boolean;
    }
  /** Struck by `resize`, which is answered as usual and changes nothing. */
  | { readonly type: "pty-resize"; readonly mode: "lost" };

export const ptyEffectSchemas = [
  z.strictObject({
    type: z.literal("pty-connection"),
    subProtocol: z.optional(z.literal("none")),
    exitControl: z.optional(z.enum(["omitted", "early"])),
    replayBytes: z.optional(z.int().check(z.minimum(0))),
    lateOutputMs: z.optional(z.number().check(z.minimum(0))),
    losesTail: z.optional(z.boolean()),
  }),
  z.strictObject({ type: z.literal("pty-resize"), mode: z.literal("lost") }),
] as const;
