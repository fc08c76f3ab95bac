import { type ParseArgsConfig, parseArgs } from "node:util";

type ParsedOptions<Options extends NonNullable<ParseArgsConfig["options"]>> =
  | { readonly values: ReturnType<typeof parseArgs<{ options: Options; strict: true }>>["values"] }
  | { readonly mistake: string };

/** Like `parseArgs`, with the mistake as a value: a wrong option is the caller's to report. */
export function parseOptions<const Options extends NonNullable<ParseArgsConfig["options"]>>(
  args: readonly string[],
  options: Options,
): ParsedOptions<Options> {
  try {
    return { values: parseArgs({ args: [...args], options, strict: true }).values };
  } catch (error) {
    return { mistake: error instanceof Error ? error.message : String(error) };
  }
}
