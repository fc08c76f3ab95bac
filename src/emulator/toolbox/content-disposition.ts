/** `form-data; name="file"; filename="…"; filename*=utf-8''…`: a client gets back exactly the path that it asked for. */
export function contentDisposition(
  type: "form-data" | "attachment",
  fileName: string,
  formName?: string,
): string {
  const name = formName === undefined ? "" : ` name="${formName}";`;
  return `${type};${name} filename="${latin1(fileName)}"; filename*=utf-8''${rfc5987(fileName)}`;
}

function latin1(text: string): string {
  const escaped = text.replaceAll(/[\r\n\0]/g, "").replaceAll(/[\\"]/g, "\\$&");
  return [...escaped]
    .map((character) => {
      const code = character.codePointAt(0) ?? 0;
      return code > 0x7e || code < 0x20 ? "_" : character;
    })
    .join("");
}

function rfc5987(text: string): string {
  return [...Buffer.from(text, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      if (/[A-Za-z0-9!#$&+\-.^_`|~]/.test(character)) return character;
      return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}
