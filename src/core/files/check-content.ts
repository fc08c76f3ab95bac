import type { FileContent } from "../../contract/files.ts";
import { badArgument } from "../check-arguments.ts";

/** Content that can be written, or a clear error before anything is sent. */
export function checkContent(content: unknown): FileContent {
  if (typeof content === "string") {
    if (content.isWellFormed()) return content;
    throw badArgument("content", "text without lone surrogates, which UTF-8 cannot hold");
  }
  if (content instanceof Uint8Array) return content;
  const isIterable =
    typeof content === "object" && content !== null && Symbol.asyncIterator in content;
  if (isIterable) return content as FileContent;
  throw badArgument("content", "text, bytes, or a stream of bytes");
}
