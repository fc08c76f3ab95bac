import type { CodeRunResponse } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendJson } from "../../http/send.ts";
import { goText } from "../go-text.ts";
import { invalidBody, parseDaemonBody } from "../parse-daemon-body.ts";
import { checkVariableNames, runScript } from "../run-script.ts";
import {
  badRequest,
  type ToolboxCall,
  type ToolboxRoutes,
  workDirectory,
} from "../toolbox-call.ts";
import { separateArtifacts } from "./artifacts.ts";
import { withCharts } from "./chart-wrapper.ts";

const codeRunSchema = z.object({
  code: z.string().check(z.minLength(1)),
  language: z.string().check(z.minLength(1)),
  argv: z.nullish(z.array(z.string())),
  envs: z.nullish(z.record(z.string(), z.string())),
  timeout: z.nullish(z.int().check(z.minimum(0))),
});

type ScriptOf = (code: string, argv: string) => string;

// The arguments go into the script as they are, as in the real daemon: whatever the shell makes of them happens.
const scripts: Readonly<Record<string, ScriptOf>> = {
  python: (code, argv) => `${decoded(code)} | python3 -u - ${argv}`,
  javascript: (code, argv) => `${decoded(withoutDash(code))} | node - ${argv}`,
  typescript: (code, argv) =>
    [
      "_f=/tmp/dtn_$$.ts",
      `${decoded(withoutDash(code))} > "$_f"`,
      `npm_config_loglevel=error npx ts-node -T --ignore-diagnostics 5107 -O '{"module":"CommonJS"}' "$_f" ${argv}`,
      "_dtn_ec=$?",
      'rm -f "$_f"',
      "exit $_dtn_ec",
    ].join("; "),
};

// For such code the real daemon adds a program of its own, which turns figures into charts.
const chartPatterns: readonly RegExp[] = [
  /^[^#\n]*import\s+matplotlib/m,
  /^[^#\n]*from\s+matplotlib/m,
  /^[^#\n]*__import__\s*\(\s*['"]matplotlib['"]/m,
  /^[^#\n]*importlib\.import_module\s*\(\s*['"]matplotlib['"]/m,
  /^[^#\n]*loader\.load_module\s*\(\s*['"]matplotlib['"]/m,
  /^[^#\n]*sys\.modules\[['"]matplotlib['"]\]/m,
];

export function addCodeRunRoute(routes: ToolboxRoutes): void {
  routes.add("POST", "/process/code-run", { handle: codeRun });
}

/** Runs code with the sandbox's interpreter of its language. One that is missing is the shell's error, with 127. */
async function codeRun(call: ToolboxCall): Promise<void> {
  const parsed = await parseDaemonBody(call, codeRunSchema, "CodeRunRequest");
  if (!parsed.success) throw invalidBody(parsed.complaint);
  const { code, language, argv, envs, timeout } = parsed.data;
  const scriptOf = Object.hasOwn(scripts, language) ? scripts[language] : undefined;
  if (!scriptOf) throw badRequest(`unsupported language: ${language}`);
  checkVariableNames(envs ?? {});
  const draws = language === "python" && chartPatterns.some((pattern) => pattern.test(code));
  const { exitCode, output } = await runScript(call, {
    text: scriptOf(draws ? withCharts(code) : code, (argv ?? []).join(" ")),
    cwd: workDirectory(call.engine),
    env: envs ?? {},
    timeoutSeconds: timeout ?? 0,
  });
  const { result, artifacts } = separateArtifacts(goText(output));
  const answer = { exitCode, result, ...(artifacts ? { artifacts } : {}) };
  sendJson(call.response, 200, answer satisfies CodeRunResponse);
}

function decoded(code: string): string {
  return `printf '%s' '${Buffer.from(code).toString("base64")}' | base64 -d`;
}

/** Node and ts-node put a name of their own before the arguments. */
function withoutDash(code: string): string {
  return `process.argv.splice(1, 1);\n${code}`;
}
