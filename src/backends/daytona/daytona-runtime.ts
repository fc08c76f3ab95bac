import { type Finding, healthy, sick } from "../../core/provider/examination.ts";

/** Oldest Node that this library supports: see `engines` in package.json. */
const oldestNode = [20, 19] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** By what the SDK takes its host for a serverless platform (SDK 0.218, utils/Runtime). */
const serverlessMarks: readonly (readonly [string, (environment: Environment) => boolean])[] = [
  ["CF_PAGES", ({ CF_PAGES }) => CF_PAGES === "1"],
  ["AWS_EXECUTION_ENV", (environment) => startsWithLambda(environment.AWS_EXECUTION_ENV)],
  ["LAMBDA_TASK_ROOT", ({ LAMBDA_TASK_ROOT }) => LAMBDA_TASK_ROOT !== undefined],
  ["AWS_SAM_LOCAL", ({ AWS_SAM_LOCAL }) => AWS_SAM_LOCAL === "true"],
  ["FUNCTIONS_WORKER_RUNTIME", (environment) => environment.FUNCTIONS_WORKER_RUNTIME !== undefined],
  [
    "FUNCTION_TARGET",
    ({ FUNCTION_TARGET, FUNCTION_SIGNATURE_TYPE }) =>
      FUNCTION_TARGET !== undefined && FUNCTION_SIGNATURE_TYPE !== undefined,
  ],
  ["VERCEL", ({ VERCEL }) => VERCEL === "1"],
  ["SITE_NAME", ({ SITE_NAME }) => SITE_NAME !== undefined],
];

function startsWithLambda(value: string | undefined): boolean {
  return value?.startsWith("AWS_Lambda") === true;
}

/** What of this process changes how the SDK behaves. */
export function lookAtRuntime(
  environment: Environment,
  version: string = process.versions.node,
): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = oldestNode;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    return sick(`This is Node ${version}.`, `Use Node ${oldestNode.join(".")} or newer.`);
  }
  const set = serverlessMarks.filter(([, isMark]) => isMark(environment)).map(([name]) => name);
  return set.length === 0
    ? healthy(`Node ${version}.`)
    : sick(
        `${set.join(" and ")} in the environment: the SDK takes this for a serverless platform, where it does not check its uploads.`,
        "Where this is none, remove these variables from the environment of the host app.",
      );
}
