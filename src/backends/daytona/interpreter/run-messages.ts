import type { StreamReport } from "../../../core/commands/record-report.ts";
import type { ExecutionMessage } from "./execution-socket.ts";

/** What the program of a run says while it runs. */
export type RunMessage =
  | { readonly type: "began" }
  /** Somebody has kept this run from beginning. */
  | { readonly type: "refused" }
  | { readonly type: "output"; readonly stream: "stdout" | "stderr"; readonly report: StreamReport }
  /** Without a report it is in a file. */
  | { readonly type: "end"; readonly report: string | undefined };

/** Undefined: the message is not of the program with this tag. */
export function readRunMessage(message: ExecutionMessage, tag: string): RunMessage | undefined {
  if (message.type !== "stdout" || !message.text.startsWith(`${tag} `)) return undefined;
  const [, word = "", first = "", second = ""] = message.text.trimEnd().split(" ", 4);
  switch (word) {
    case "began":
    case "refused":
      return { type: word };
    case "out":
    case "err": {
      const bytes = Buffer.from(second, "base64");
      const start = Number(first);
      const report = { sizeBytes: start + bytes.length, inline: { start, bytes } };
      return { type: "output", stream: word === "out" ? "stdout" : "stderr", report };
    }
    case "end": {
      const report = message.text.slice(`${tag} end `.length).trimEnd();
      return { type: "end", report: report === "-" ? undefined : report };
    }
    default:
      return undefined;
  }
}
