import type { CodeRunArtifacts } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { artifactMarker } from "./chart-wrapper.ts";

// Go takes null for a field that is not there.
const text = z.nullish(z.string());
const number = z.nullish(z.number());
const numbers = z.nullish(z.array(z.number()));
const texts = z.nullish(z.array(z.string()));

const elementSchema = z.object({
  label: text,
  points: z.nullish(z.array(z.array(z.number()))),
  value: text,
  group: text,
  angle: number,
  radius: number,
  min: number,
  first_quartile: number,
  median: number,
  third_quartile: number,
  max: number,
  outliers: numbers,
  type: text,
  title: text,
  png: text,
  x_label: text,
  y_label: text,
});

const chartSchema = z.object({
  type: z.string(),
  title: text,
  png: text,
  x_label: text,
  y_label: text,
  x_ticks: numbers,
  y_ticks: numbers,
  x_tick_labels: texts,
  y_tick_labels: texts,
  x_scale: text,
  y_scale: text,
  elements: z.nullish(z.array(elementSchema)),
});

const artifactSchema = z.object({ type: z.literal("chart"), value: chartSchema });

/**
 * Takes the charts out of the output. As in the real daemon, one whose fields are not of the daemon's own types is dropped
 * without a word: that of bars, whose values it wants as text, and one with dates.
 */
export function separateArtifacts(output: string): {
  readonly result: string;
  readonly artifacts: CodeRunArtifacts | undefined;
} {
  const lines = output.split("\n");
  const isArtifact = (line: string): boolean => line.startsWith(artifactMarker);
  const charts = lines.filter(isArtifact).flatMap((line) => {
    const chart = parsed(line.slice(artifactMarker.length));
    return chart ? [{ ...present(chart), elements: chart.elements?.map(present) ?? [] }] : [];
  });
  return {
    result: lines.filter((line) => !isArtifact(line)).join("\n"),
    artifacts: charts.length > 0 ? ({ charts } as CodeRunArtifacts) : undefined,
  };
}

function parsed(json: string): z.infer<typeof chartSchema> | undefined {
  try {
    return artifactSchema.safeParse(JSON.parse(json)).data?.value;
  } catch {
    return undefined;
  }
}

/** Go leaves out what is empty. */
function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isEmpty = (value: unknown): boolean =>
    value === null ||
    value === undefined ||
    value === "" ||
    (Array.isArray(value) && !value.length);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}
