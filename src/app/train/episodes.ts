/**
 * Lines of episodes.jsonl as the list of episodes shows them. Lines come from the worker or from a run
 * file someone else wrote, so every field is looked at before it is believed.
 */
import type { EpisodeLine } from '../../core/train/run-store.ts';
import type { Comparison, Outcome } from '../../core/sql/outcome.ts';
import { count, duration } from '../ui/format.ts';

export interface ShownStep {
  kind: string;
  /** As written; '' where the episode is one step. */
  text: string;
  thought: string;
  /** The call, as read: `describe song`; '' where the step calls nothing. */
  call: string;
  /** '' where the step runs none. */
  sql: string;
  outcome: Outcome | null;
  comparison: Partial<Comparison> | null;
  /** What the policy was shown next. */
  observation: string;
  /** Process reward, value by the process reward model, advantage; null where there is none. */
  reward: number | null;
  value: number | null;
  advantage: number | null;
}

export type Verdict = 'right' | 'wrong' | 'failed' | 'unjudged';

export interface ShownSample {
  /** Position in its group. */
  sample: number;
  /** As written by the policy. */
  text: string;
  /** Tokens written; null where the line does not say. */
  length: number | null;
  /** False when the policy was cut off at the length limit. */
  terminated: boolean;
  /** Null when the episode could not be judged. */
  reward: number | null;
  terms: [name: string, value: number][];
  /** The answer last, if there is one. */
  steps: ShownStep[];
  verdict: Verdict;
}

export interface ShownGroup {
  group: number;
  question: string;
  db_id: string;
  samples: ShownSample[];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const finite = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function readOutcome(value: unknown): Outcome | null {
  if (!isRecord(value)) return null;
  switch (value['kind']) {
    case 'rows': {
      const rows = list(value['rows']).filter(Array.isArray);
      return {
        kind: 'rows',
        columns: list(value['columns']).map(text),
        rows,
        rowCount: finite(value['rowCount']) ?? rows.length,
        truncated: value['truncated'] === true,
      };
    }
    case 'error':
      return { kind: 'error', message: text(value['message']) };
    case 'timeout':
      return { kind: 'timeout', limitMs: finite(value['limitMs']) ?? NaN };
    case 'refused':
      return { kind: 'refused', reason: text(value['reason']) };
    default:
      return null;
  }
}

function readCall(value: unknown): string {
  if (!isRecord(value)) return '';
  const tool = text(value['tool']);
  return tool === '' ? 'malformed' : [tool, ...list(value['args']).map(text)].join(' ');
}

function readSteps(value: unknown): ShownStep[] {
  return list(value)
    .filter(isRecord)
    .map((step) => ({
      kind: text(step['kind']),
      text: text(step['text']),
      thought: text(step['thought']),
      call: readCall(step['call']),
      sql: text(step['sql']),
      outcome: readOutcome(step['outcome']),
      comparison: isRecord(step['comparison']) ? step['comparison'] : null,
      observation: text(step['observation']),
      reward: finite(step['reward']),
      value: finite(step['value']),
      advantage: finite(step['advantage']),
    }));
}

/** The step that answers; a policy that used up its turns has none. */
export function answerOf({ steps }: Pick<ShownSample, 'steps'>): ShownStep | undefined {
  const last = steps.at(-1);
  return last?.kind === 'answer' ? last : undefined;
}

/** By BIRD's comparison, as `sql/ex` counts. */
export function verdictOf(step: Pick<ShownStep, 'outcome' | 'comparison'> | undefined): Verdict {
  if (step?.outcome?.kind !== 'rows') return 'failed';
  if (!step.comparison) return 'unjudged';
  return step.comparison.bird === true ? 'right' : 'wrong';
}

function readSample(line: EpisodeLine): ShownSample {
  const steps = readSteps(line['steps']);
  const tokens = line['tokens'];
  const length = Array.isArray(tokens) || ArrayBuffer.isView(tokens) ? tokens : null;
  return {
    sample: finite(line['sample']) ?? 0,
    text: text(line['text']),
    length: length && 'length' in length ? Number(length.length) : null,
    terminated: line['terminated'] !== false,
    reward: finite(line['reward']),
    terms: Object.entries(isRecord(line['terms']) ? line['terms'] : {}).flatMap(
      ([name, value]): [string, number][] => {
        const number = finite(value);
        return number === null ? [] : [[name, number]];
      },
    ),
    steps,
    verdict: verdictOf(answerOf({ steps })),
  };
}

/** The groups of the latest update that any of the lines belongs to. */
export function readGroups(lines: readonly EpisodeLine[]): {
  update: number;
  groups: ShownGroup[];
} {
  const update = lines.reduce((latest, { step }) => Math.max(latest, step), 0);
  const groups = new Map<number, ShownGroup>();
  for (const line of lines) {
    if (line.step !== update) continue;
    const group = finite(line['group']) ?? 0;
    const { question, db_id } = line;
    const known = groups.get(group);
    if (known) known.samples.push(readSample(line));
    else {
      groups.set(group, {
        ...{ group, question: text(question), db_id: text(db_id) },
        samples: [readSample(line)],
      });
    }
  }
  return { update, groups: [...groups.values()] };
}

/** What became of the query, in a few words. */
export function outcomeText(outcome: Outcome | null): string {
  switch (outcome?.kind) {
    case undefined:
      return 'not run';
    case 'rows': {
      if (outcome.rowCount === 0) return 'no rows';
      const rows = `${count(outcome.rowCount)} ${outcome.rowCount === 1 ? 'row' : 'rows'}`;
      return outcome.truncated ? `more than ${rows}` : rows;
    }
    case 'error':
      return outcome.message || 'SQLite gave an error without a message';
    case 'timeout':
      return Number.isFinite(outcome.limitMs)
        ? `stopped after ${duration(outcome.limitMs / 1000)}`
        : 'stopped: it ran too long';
    case 'refused':
      return outcome.reason || 'the sandbox does not run this';
  }
}

export interface Badge {
  text: string;
  tone: 'good' | 'warn' | 'bad' | '';
}

export function badgeOf({ verdict, steps }: Pick<ShownSample, 'verdict' | 'steps'>): Badge {
  switch (verdict) {
    case 'right':
      return { text: 'right', tone: 'good' };
    case 'wrong':
      return { text: 'wrong', tone: 'warn' };
    case 'unjudged':
      return { text: 'not judged', tone: '' };
    case 'failed': {
      const answer = answerOf({ steps });
      if (!answer) return { text: 'no answer', tone: 'bad' };
      const kind = answer.outcome?.kind;
      return { text: kind === 'timeout' || kind === 'refused' ? kind : 'failed', tone: 'bad' };
    }
  }
}

/** "3 of 8 right", and whether there is anything to compare: a group of equal rewards has no advantage. */
export function groupSummary({ samples }: Pick<ShownGroup, 'samples'>): {
  right: number;
  of: number;
  equal: boolean;
} {
  const rewards = samples.flatMap(({ reward }) => (reward === null ? [] : [reward]));
  return {
    right: samples.filter(({ verdict }) => verdict === 'right').length,
    of: samples.length,
    equal: rewards.every((reward) => reward === rewards[0]),
  };
}

/** Equal answers once, with how often they were given, best first. */
export function distinctSamples(
  samples: readonly ShownSample[],
): { sample: ShownSample; times: number }[] {
  const answers = new Map<string, { sample: ShownSample; times: number }>();
  for (const sample of samples) {
    const key = JSON.stringify([sample.text, sample.verdict, sample.reward, sample.terminated]);
    const known = answers.get(key);
    if (known) known.times++;
    else answers.set(key, { sample, times: 1 });
  }
  const rank = ({ sample }: { sample: ShownSample }): number => sample.reward ?? -Infinity;
  return [...answers.values()].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a)));
}

export interface BarScale {
  /** Most negative sum of terms, at most 0. */
  min: number;
  /** Most positive sum of terms, at least 0. */
  max: number;
}

export interface BarPart {
  name: string;
  value: number;
  /** Position of the term among the terms, for its colour. */
  index: number;
  /** Left edge and width in percent of the bar. */
  x: number;
  width: number;
}

/** One scale for all samples of a group, so that their bars compare. */
export function barScale(samples: readonly Pick<ShownSample, 'terms'>[]): BarScale {
  const sums = samples.map(({ terms }) => ({
    min: terms.reduce((sum, [, value]) => sum + Math.min(0, value), 0),
    max: terms.reduce((sum, [, value]) => sum + Math.max(0, value), 0),
  }));
  return {
    min: Math.min(0, ...sums.map(({ min }) => min)),
    max: Math.max(0, ...sums.map(({ max }) => max)),
  };
}

/** Where zero is, in percent of the bar. */
export const zeroOf = ({ min, max }: BarScale): number =>
  max === min ? 0 : 100 * (-min / (max - min));

/** Positive terms stacked to the right of zero, negative ones to the left. Terms of 0 have no part. */
export function barParts(
  terms: readonly (readonly [string, number])[],
  scale: BarScale,
): BarPart[] {
  const zero = zeroOf(scale);
  const length = scale.max - scale.min;
  let left = zero;
  let right = zero;
  return terms.flatMap(([name, value], index) => {
    if (value === 0 || length === 0) return [];
    const width = 100 * (Math.abs(value) / length);
    if (value > 0) right += width;
    else left -= width;
    return [{ name, value, index, x: value > 0 ? right - width : left, width }];
  });
}
