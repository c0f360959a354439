/**
 * Labelled traces for a process reward model: a policy's episodes on questions, the value of every prefix
 * estimated by completions of the same policy. Every trace and completion is a function of (seed, purpose,
 * question, trace, prefix, sample, position), so that collecting can stop and go on, and in any batches.
 */
import * as v from 'valibot';
import type { Task } from '../../data/task.ts';
import type { Episode } from '../../episode/episode.ts';
import { integer, number } from '../../recipe/controls.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { emptyOpening } from '../episodes.ts';
import { tagEpisode } from './format.ts';
import type { LabelledTrace } from './learn.ts';
import { endsRight, monteCarloValues, type GoOn } from './values.ts';

export const collectOptions = v.strictObject({
  traces: integer(4, { min: 1, max: 256 }, 'Traces of each question'),
  completions: integer(8, { min: 1, max: 1024 }, 'Completions of each prefix'),
  kept_completions: integer(
    1,
    { min: 0, max: 1024 },
    'Completions of each prefix to learn from as well: their last step, by how they ended',
  ),
  temperature: number(1, { min: 0.01, max: 10, step: 0.05 }, 'Sampling temperature'),
});

export type CollectOptions = v.InferOutput<typeof collectOptions>;

/** The traces of one question. */
export interface CollectedTask {
  task: string;
  traces: (LabelledTrace & { labels: number[]; right: boolean })[];
  /** Some of the completions of its prefixes; only their last steps have labels. */
  completions: LabelledTrace[];
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
  { traces, completions, kept_completions }: CollectOptions,
  { seed, purpose }: { seed: number; purpose: string },
): Promise<CollectedTask[]> {
  const episodes = await goOn(
    tasks.map(({ task }) => emptyOpening(task)),
    traces,
    { seed, purpose: `${purpose}/trace`, update: 0, prompts: tasks.map(({ number }) => number) },
  );
  const { values, completions: completed } = await monteCarloValues(
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
    completions: different(completed[g]!, kept_completions, episodes[g]!).map((episode) => {
      const tagged = tagEpisode(episode, tokenizer, tag);
      const last = tagged.tags.length - 1;
      return {
        ...tagged,
        labels: tagged.tags.map((_, i) => (i === last ? Number(endsRight(episode)) : null)),
      };
    }),
    prefixes: completed[g]!.length,
  }));
}

/** The first `count` completions of each prefix, without those already there. */
function different(
  completed: readonly (readonly Episode[])[],
  count: number,
  known: readonly Episode[],
): Episode[] {
  const seen = new Set(known.map(({ tokens }) => tokens.join()));
  return completed.flatMap((completions) =>
    completions.slice(0, count).filter(({ tokens }) => {
      const key = tokens.join();
      return !seen.has(key) && seen.add(key);
    }),
  );
}

const plain = <T extends LabelledTrace>({ tokens, ...trace }: T): object => ({
  ...trace,
  tokens: [...tokens],
});

/** As a line of a work file. */
export const encodeCollected = ({
  task,
  prefixes,
  traces,
  completions,
}: CollectedTask): object => ({
  ...{ task, prefixes },
  ...{ traces: traces.map(plain), completions: completions.map(plain) },
});

const text = { tokens: v.array(v.number()), tags: v.array(v.number()) };

const line = v.object({
  task: v.string(),
  prefixes: v.number(),
  traces: v.array(v.object({ ...text, labels: v.array(v.number()), right: v.boolean() })),
  completions: v.array(v.object({ ...text, labels: v.array(v.nullable(v.number())) })),
});

export function decodeCollected(value: unknown): CollectedTask | undefined {
  const parsed = v.safeParse(line, value);
  if (!parsed.success) return undefined;
  const { task, prefixes, traces, completions } = parsed.output;
  const typed = <T extends { tokens: number[] }>(one: T) => ({
    ...one,
    tokens: Int32Array.from(one.tokens),
  });
  return {
    ...{ task, prefixes },
    ...{ traces: traces.map(typed), completions: completions.map(typed) },
  };
}

export interface CollectionSummary {
  tasks: number;
  traces: number;
  /** Step tags, that is prefixes with duplicates. */
  steps: number;
  /** Different prefixes that were completed. */
  prefixes: number;
  /** Completions among what can be learnt from. */
  completions: number;
  /** Of steps: mean label, and share of labels of at least one half. */
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
    completions: collected.reduce((sum, { completions }) => sum + completions.length, 0),
    mean_label: share(
      labels.reduce((sum, label) => sum + label, 0),
      labels.length,
    ),
    positive_share: share(labels.filter((label) => label >= 0.5).length, labels.length),
    right: share(traces.filter(({ right }) => right).length, traces.length),
  };
}
