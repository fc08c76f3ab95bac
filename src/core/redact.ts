const hidden = "[redacted]";

/** A line of a secret that is shorter could be a part of anything. */
const shortestLine = 8;

/** Takes known secrets out of text before it reaches a message, a log or an event. */
export class Redactor {
  readonly #secrets: string[];

  constructor(secrets: readonly (string | undefined)[]) {
    const known = secrets.filter(
      (secret) => secret !== undefined && secret.length >= 4,
    ) as string[];
    // Also in the forms in which URLs, HTTP and JSON carry them, and line by line, as output is reported.
    const forms = known.flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString("base64"),
      JSON.stringify(secret).slice(1, -1),
      ...secret.split(/\r?\n/).filter((line) => line !== secret && line.length >= shortestLine),
    ]);
    // The longest first, so that a secret that contains another is hidden whole.
    this.#secrets = [...new Set(forms)].sort((left, right) => right.length - left.length);
  }

  text(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, hidden);
    return clean;
  }

  /** The same bytes where there is nothing to hide. */
  bytes(bytes: Uint8Array): Uint8Array {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isShown = this.#secrets.some((secret) => buffer.includes(secret));
    return isShown ? Buffer.from(this.text(buffer.toString())) : bytes;
  }
}
