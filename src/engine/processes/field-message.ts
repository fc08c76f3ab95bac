/** A message as the programs in perl read them: a length of four bytes (big-endian) and that many bytes, which are fields ended by NUL. */
export function fieldMessage(
  fields: readonly string[],
  encoding: "utf8" | "latin1" = "utf8",
): Buffer {
  const body = Buffer.from(fields.map((field) => `${field}\0`).join(""), encoding);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}
