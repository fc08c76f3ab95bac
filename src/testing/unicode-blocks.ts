const lastCodePoint = 0x10ffff;
const firstSurrogate = 0xd800;
const lastSurrogate = 0xdfff;

/** Every Unicode character but NUL, in order, in texts of at most `blockBytes` bytes of UTF-8. */
export function unicodeBlocks(blockBytes: number): string[] {
  const blocks: string[] = [];
  let block = "";
  let bytes = 0;
  for (let codePoint = 1; codePoint <= lastCodePoint; codePoint += 1) {
    if (codePoint === firstSurrogate) codePoint = lastSurrogate + 1;
    const character = String.fromCodePoint(codePoint);
    const size = codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
    if (bytes + size > blockBytes) {
      blocks.push(block);
      block = "";
      bytes = 0;
    }
    block += character;
    bytes += size;
  }
  blocks.push(block);
  return blocks;
}
