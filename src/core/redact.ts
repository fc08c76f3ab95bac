const hidden = "[redacted]";

/** Takes known secrets out of text before it reaches a message, a log or an event. */
export class Redactor {
  readonly #secrets: string[];

  constructor(secrets: readonly (string | undefined)[]) {
    const known = secrets.filter(
      (secret) => secret !== undefined && secret.length >= 4,
    ) as string[];
    // Also in the forms in which URLs and HTTP carry them.
    const forms = known.flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString("base64"),
    ]);
    // The longest first, so that a secret that contains another is hidden whole.
    this.#secrets = [...new Set(forms)].sort((left, right) => right.length - left.length);
  }

  text(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, hidden);
    return clean;
  }
}
