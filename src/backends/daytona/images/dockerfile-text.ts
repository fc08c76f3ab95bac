import type { ImageData } from "../../../contract/image.ts";

/** A source as it is called in the uploaded context, and where it goes. */
export interface PlacedCopy {
  readonly source: string;
  readonly target: string;
}

/** The Dockerfile of an image that is given as data. Whatever its texts hold, each stays one word of one instruction. */
export function dockerfileText(image: ImageData, copies: readonly PlacedCopy[]): string {
  const lines = [`FROM ${image.base}`];
  for (const [name, value] of Object.entries(image.env ?? {}))
    lines.push(`ENV ${name}=${quoted(value)}`);
  if (image.aptPackages?.length) lines.push(`RUN ${aptCommand(image.aptPackages)}`);
  if (image.workDir !== undefined) lines.push(`WORKDIR ${quoted(image.workDir)}`);
  for (const { source, target } of copies) {
    // A source is a pattern, and both are words in which variables are looked for, also in this form.
    const pattern = source.replace(/[*?[\\]/g, "\\$&");
    lines.push(`COPY ${JSON.stringify([word(pattern), word(target)])}`);
  }
  for (const command of image.run ?? []) lines.push(`RUN ${commandText(command)}`);
  if (image.user !== undefined) lines.push(`USER ${image.user}`);
  if (image.entrypoint !== undefined) lines.push(`ENTRYPOINT ${JSON.stringify(image.entrypoint)}`);
  return `${lines.join("\n")}\n`;
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"$]/g, "\\$&")}"`;
}

function word(text: string): string {
  return text.replace(/[\\'"$]/g, "\\$&");
}

function aptCommand(packages: readonly string[]): string {
  return [
    "apt-get update",
    `DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(" ")}`,
    "rm -rf /var/lib/apt/lists/*",
  ].join(" && ");
}

/** Text that a Dockerfile would take for something else than one command of a shell goes there as the shell's argument. */
function commandText(command: string | readonly string[]): string {
  if (typeof command !== "string") return JSON.stringify(command);
  const isPlain = !/[\r\n]|\\\s*$|^\s*(\[|--)|<</.test(command);
  return isPlain ? command : JSON.stringify(["/bin/sh", "-c", command]);
}
