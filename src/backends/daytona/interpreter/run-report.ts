import * as z from "zod/mini";
import type { Chart, CodeError, CodeOutput } from "../../../contract/code-interpreter.ts";
import { ProtocolError } from "../../../contract/provider-errors.ts";
import { lazily } from "../../../core/config/lazily.ts";

/** What the program of a run says at its end. */
export interface RunReport {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly error: CodeError | undefined;
  readonly overLimit: boolean;
  readonly results: readonly CodeOutput[];
  readonly charts: readonly Chart[];
}

const errorSchema = lazily(() =>
  z.object({ name: z.string(), value: z.string(), traceback: z.string() }),
);
const elementSchema = lazily(() => z.record(z.string(), z.unknown()));
const chartSchema = lazily(() =>
  z.object({
    type: z.enum([
      "line",
      "scatter",
      "bar",
      "pie",
      "box_and_whisker",
      "composite_chart",
      "unknown",
    ]),
    title: z.string(),
    xLabel: z.string(),
    yLabel: z.string(),
    elements: z.array(elementSchema()),
    png: z.string(),
  }),
);
const reportSchema = lazily(() =>
  z.object({
    stdoutBytes: z.int(),
    stderrBytes: z.int(),
    error: z.nullable(errorSchema()),
    overLimit: z.boolean(),
    results: z.array(z.object({ text: z.string(), data: z.record(z.string(), z.string()) })),
    charts: z.array(chartSchema()),
  }),
);

export function readRunReport(text: string): RunReport {
  const parsed = parse(text);
  if (parsed === undefined)
    throw new ProtocolError("The interpreter's report of a run makes no sense.");
  return {
    ...parsed,
    error: parsed.error ?? undefined,
    charts: parsed.charts.map((chart) => ({
      ...chart,
      elements: chart.elements as Chart["elements"],
      png: new Uint8Array(Buffer.from(chart.png, "base64")),
    })),
  };
}

function parse(text: string) {
  try {
    return reportSchema().safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
