/**
 * Labelled traces for a process reward model: a policy's episodes on questions, the value of every prefix
 * estimated by completions of the same policy. Every trace and completion is a function of (seed, purpose,
 * question, trace, prefix, sample, position), so that collecting can stop and go on, and in any batches.
 */
import * as v from 'valibot';
import type { Task } from '../../data/task.ts';
import { integer, number } from '../../recipe/controls.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { emptyOpening } from '../episodes.ts';
import { tagEpisode } from './format.ts';
import type { LabelledTrace } from './learn.ts';
import { endsRight, monteCarloValues, type GoOn } from './values.ts';

export const collectOptions = v.strictObject({
  traces: integer(4, { min: 1, max: 256 }, 'Traces of each question'),
  completions: integer(8, { min: 1, max: 1024 }, 'Completions of each prefix'),
  temperature: number(1, { min: 0.01, max: 10, step: 0.05 }, 'Sampling temperature'),
});

export type CollectOptions = v.InferOutput<typeof collectOptions>;

/** The traces of one question. */
export interface CollectedTask {
  task: string;
  traces: (LabelledTrace & { right: boolean })[];
  /** Different prefixes that were completed. */
  prefixes: number;
}

export interface CollectParts {
  goOn: GoOn;
  tokenizer: Tokenizer;
  tag: number;
  maxTurns: number;
}

/** A question and its number among all that are collected. */
export interface NumberedTask {
  task: Task;
  number: number;
}

/**
 * Traces of some questions, in their order.
 *
 * @param purpose keeps the draws of different collections apart
 */
export async function collectTraces(
  { goOn, tokenizer, tag, maxTurns }: CollectParts,
  tasks: readonly NumberedTask[],
  { traces, completions }: CollectOptions,
  { seed, purpose }: { seed: number; purpose: string },
): Promise<CollectedTask[]> {
  const episodes = await goOn(
    tasks.map(({ task }) => emptyOpening(task)),
    traces,
    { seed, purpose: `${purpose}/trace`, update: 0, prompts: tasks.map(({ number }) => number) },
  );
  const { values, prefixes } = await monteCarloValues(
    goOn,
    tasks.map(({ number }, g) => ({ number, episodes: episodes[g]! })),
    { samples: completions, maxTurns, draws: { seed, purpose: `${purpose}/value`, update: 0 } },
  );
  return tasks.map(({ task }, g) => ({
    task: task.id,
    traces: episodes[g]!.map((episode, e) => ({
      ...tagEpisode(episode, tokenizer, tag),
      labels: values[g]![e]!,
      right: endsRight(episode),
    })),
    prefixes: prefixes[g]!,
  }));
}

/** As a line of a work file. */
export const encodeCollected = ({ task, traces, prefixes }: CollectedTask): object => ({
  ...{ task, prefixes },
  traces: traces.map(({ tokens, ...trace }) => ({ ...trace, tokens: [...tokens] })),
});

const line = v.object({
  task: v.string(),
  prefixes: v.number(),
  traces: v.array(
    v.object({
      tokens: v.array(v.number()),
      tags: v.array(v.number()),
      labels: v.array(v.number()),
      right: v.boolean(),
    }),
  ),
});

export function decodeCollected(value: unknown): CollectedTask | undefined {
  const parsed = v.safeParse(line, value);
  if (!parsed.success) return undefined;
  const { task, prefixes, traces } = parsed.output;
  return {
    ...{ task, prefixes },
    traces: traces.map((trace) => ({ ...trace, tokens: Int32Array.from(trace.tokens) })),
  };
}

export interface CollectionSummary {
  tasks: number;
  traces: number;
  /** Step tags, that is prefixes with duplicates. */
  steps: number;
  /** Different prefixes that were completed. */
  prefixes: number;
  /** Mean label, and share of labels of at least one half. */
  mean_label: number;
  positive_share: number;
  /** Share of traces that end right. */
  right: number;
}

export function summarise(collected: readonly CollectedTask[]): CollectionSummary {
  const traces = collected.flatMap((one) => one.traces);
  const labels = traces.flatMap((trace) => trace.labels);
  const share = (count: number, of: number): number => (of > 0 ? count / of : 0);
  return {
    tasks: collected.length,
    traces: traces.length,
    steps: labels.length,
    prefixes: collected.reduce((sum, { prefixes }) => sum + prefixes, 0),
    mean_label: share(
      labels.reduce((sum, label) => sum + label, 0),
      labels.length,
    ),
    positive_share: share(labels.filter((label) => label >= 0.5).length, labels.length),
    right: share(traces.filter(({ right }) => right).length, traces.length),
  };
}
