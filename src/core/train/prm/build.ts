/**
 * A process reward model from start to end: collect labelled traces of a policy, train a copy of it, calibrate
 * on training questions kept aside, measure on a split it never saw. What is collected goes into a work file,
 * so that stopping loses a few questions at most.
 */
import * as v from 'valibot';
import type { Task } from '../../data/task.ts';
import { badInput } from '../../errors.ts';
import { UNCALIBRATED, type Platt } from '../../evaluate/calibration.ts';
import type { Policy } from '../../model/policy.ts';
import { Stream } from '../../random/stream.ts';
import { canonicalJson, sha256Hex } from '../../recipe/canonical.ts';
import { integer, number } from '../../recipe/controls.ts';
import type { Compute } from '../compute.ts';
import { Optimizer } from '../optimizer.ts';
import {
  collectOptions,
  collectTraces,
  decodeCollected,
  encodeCollected,
  summarise,
  type CollectedTask,
  type CollectionSummary,
} from './collect.ts';
import { judgeTokens } from './format.ts';
import { batchedGoOn, type GoOnContext } from './go-on.ts';
import {
  fittingGroups,
  learnOptions,
  learnPrm,
  optimizerOptions,
  type LabelledGroup,
} from './learn.ts';
import { calibrate, measurePrm, type PrmScores } from './measure.ts';
import type { PrmModel } from './scorer.ts';

export const buildOptions = v.strictObject({
  questions: integer(600, { min: 10, max: 1_000_000 }, 'Training questions to collect traces on'),
  held_out: integer(150, { min: 1, max: 1_000_000 }, 'Questions of the split to measure on'),
  calibration_share: number(
    0.1,
    { min: 0, max: 0.9, step: 0.05 },
    'Share of the training questions kept for calibration; 0 = no calibration',
  ),
  positive_share: number(
    0.3,
    { min: 0, max: 0.7, step: 0.05 },
    'Mean label of the training set, for which questions without any right completion are left out; 0 = none is',
  ),
  ...collectOptions.entries,
  ...learnOptions.entries,
});

export type BuildOptions = v.InferOutput<typeof buildOptions>;

/** Lines that outlive an interruption. */
export interface WorkFile {
  /** Every whole line so far, parsed. */
  read(): Promise<unknown[]>;
  append(lines: readonly object[]): Promise<void>;
}

export interface BuildInputs {
  /** Its policy collects; it stays as it is. */
  context: GoOnContext & { policy: Policy };
  train: readonly Task[];
  heldOut: readonly Task[];
  options: BuildOptions;
  seed: number;
  max_completion_length: number;
  work: WorkFile;
  /** Name of the protocol. */
  protocol: string;
  /** What else decides the traces, as JSON: turns, prompt. */
  identity: unknown;
  /** Who computes gradients of the model. The caller of `buildPrm` gives both up. */
  computeFor: (policy: Policy, optimizer: Optimizer) => Compute;
  /** In ms. */
  clock: () => number;
  /** Aborted: ends after the questions or the optimiser step at hand. */
  stop?: AbortSignal;
}

export interface BuildResult {
  model: PrmModel;
  /** What was trained on. */
  train: CollectionSummary;
  /** Questions without any right completion that were left out of it. */
  left_out: number;
  calibration: CollectionSummary;
  held_out: CollectionSummary;
  scores: PrmScores;
  /** Mean training loss of the first and the last tenth of the optimiser steps. */
  loss: { first: number; last: number };
  seconds: { collect: number; train: number; measure: number };
}

export type BuildEvent =
  | { type: 'collect'; part: 'train' | 'held_out'; done: number; total: number }
  | { type: 'train'; done: number; total: number; loss: number };

/** Questions collected together. */
const BLOCK = 24;

/** Some of the questions, at random. */
function choose(tasks: readonly Task[], count: number, seed: number, purpose: string): Task[] {
  return new Stream(seed, purpose).shuffle(tasks).slice(0, count);
}

/**
 * Leaves out questions that teach nothing but "wrong", the last first, until labels have the mean wanted. Only
 * what is trained on is balanced: calibration sets the scores right again for all questions.
 */
export function balance(collected: readonly CollectedTask[], wanted: number): CollectedTask[] {
  const kept = [...collected];
  const all = summarise(kept);
  const right = all.steps * all.mean_label;
  let { steps } = all;
  for (let i = kept.length - 1; i >= 0 && right < wanted * steps; i--) {
    const labels = kept[i]!.traces.flatMap((trace) => trace.labels);
    if (labels.some((label) => label > 0)) continue;
    steps -= labels.length;
    kept.splice(i, 1);
  }
  return kept;
}

interface Header {
  work: 'prm';
  key: string;
}

/** Collects what the work file lacks; undefined when stopped. */
async function* collect(
  inputs: BuildInputs,
  part: 'train' | 'held_out',
  tasks: readonly Task[],
  known: ReadonlyMap<string, CollectedTask>,
): AsyncGenerator<BuildEvent, CollectedTask[] | undefined> {
  const { context, options, seed, work, stop, max_completion_length } = inputs;
  const { tokenizer, prompts } = context;
  const goOn = batchedGoOn(context, {
    ...{ max_completion_length, temperature: options.temperature, top_p: 1 },
    eos_token_id: tokenizer.eosId!,
  });
  const parts = {
    ...{ goOn, tokenizer, tag: judgeTokens(tokenizer).tag },
    maxTurns: prompts.protocol.maxTurns,
  };
  const found = new Map<string, CollectedTask>();
  for (const { id } of tasks) if (known.has(id)) found.set(id, known.get(id)!);
  const missing = tasks
    .map((task, number) => ({ task, number }))
    .filter(({ task }) => !found.has(task.id));
  for (let first = 0; first < missing.length; first += BLOCK) {
    if (stop?.aborted) return undefined;
    const block = missing.slice(first, first + BLOCK);
    const collected = await collectTraces(parts, block, options, { seed, purpose: `prm/${part}` });
    await work.append(collected.map((one) => ({ part, ...encodeCollected(one) })));
    for (const one of collected) found.set(one.task, one);
    yield { type: 'collect', part, done: found.size, total: tasks.length };
  }
  return tasks.map(({ id }) => found.get(id)!);
}

/** What the work file holds of each part; starts it when it is empty. */
async function readWork(
  work: WorkFile,
  key: string,
): Promise<Record<'train' | 'held_out', Map<string, CollectedTask>>> {
  const [header, ...lines] = await work.read();
  const known = { train: new Map(), held_out: new Map() } as Awaited<ReturnType<typeof readWork>>;
  if (header === undefined) {
    await work.append([{ work: 'prm', key } satisfies Header]);
    return known;
  }
  if ((header as Partial<Header>).key !== key) {
    const expected = 'the one of this policy, these questions and options, or a new one';
    throw badInput('work file', (header as Partial<Header>).key, expected);
  }
  for (const line of lines) {
    const part = (line as { part?: unknown } | null)?.part;
    const collected = decodeCollected(line);
    if (collected && (part === 'train' || part === 'held_out')) {
      known[part].set(collected.task, collected);
    }
  }
  return known;
}

/** Undefined when stopped. The model is the caller's to dispose. */
export async function* buildPrm(
  inputs: BuildInputs,
): AsyncGenerator<BuildEvent, BuildResult | undefined> {
  const { context, options, seed, clock, stop } = inputs;
  const { tokenizer, prompts } = context;
  const train = choose(inputs.train, options.questions, seed, 'prm/train');
  const heldOut = choose(inputs.heldOut, options.held_out, seed, 'prm/held-out');
  const { traces, completions, kept_completions, temperature } = options;
  const key = sha256Hex(
    canonicalJson({
      ...{ seed, traces, completions, kept_completions, temperature },
      ...{ protocol: inputs.protocol, identity: inputs.identity },
      max_completion_length: inputs.max_completion_length,
      tasks: [...inputs.train, ...inputs.heldOut].map(({ id, question }) => ({ id, question })),
      weights: sha256Hex(new Uint8Array((await context.policy.weights()).buffer)),
    }),
  );
  const known = await readWork(inputs.work, key);
  const started = clock();
  const collected = yield* collect(inputs, 'train', train, known.train);
  const judged = collected && (yield* collect(inputs, 'held_out', heldOut, known.held_out));
  if (!judged) return undefined;
  const tokens = judgeTokens(tokenizer);
  const byId = new Map([...train, ...heldOut].map((task) => [task.id, task]));
  const groupsOf = (all: readonly CollectedTask[], completed = false): LabelledGroup[] =>
    fittingGroups(
      all.map(({ task, traces, completions }) => ({
        prompt: prompts.of(byId.get(task)!),
        texts: completed ? [...traces, ...completions] : traces,
      })),
      context.policy,
    );
  const cut = Math.round(collected.length * (1 - options.calibration_share));
  const trained = balance(collected.slice(0, cut), options.positive_share);
  const learning = clock();
  const policy = context.policy.clone(true);
  const optimizer = new Optimizer(policy, optimizerOptions(options));
  const compute = inputs.computeFor(policy, optimizer);
  const losses: number[] = [];
  try {
    const groups = groupsOf(trained, true);
    for await (const step of learnPrm({ compute, optimizer, tokens }, groups, options, seed)) {
      losses.push(step.loss);
      yield { type: 'train', done: step.step, total: step.steps, loss: step.loss };
      if (stop?.aborted) {
        policy.dispose();
        return undefined;
      }
    }
  } catch (error) {
    policy.dispose();
    throw error;
  } finally {
    await compute.close();
    optimizer.dispose();
  }
  const measuring = clock();
  const rest = groupsOf(collected.slice(cut));
  const calibration: Platt = rest.length > 0 ? await calibrate(policy, tokens, rest) : UNCALIBRATED;
  const scores = await measurePrm(policy, tokens, groupsOf(judged), calibration);
  const tenth = Math.max(1, Math.floor(losses.length / 10));
  const mean = (values: number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    model: { policy, tokenizer, calibration, protocol: inputs.protocol },
    train: summarise(trained),
    left_out: cut - trained.length,
    calibration: summarise(collected.slice(cut)),
    held_out: summarise(judged),
    scores,
    loss: { first: mean(losses.slice(0, tenth)), last: mean(losses.slice(-tenth)) },
    seconds: {
      collect: (learning - started) / 1000,
      train: (measuring - learning) / 1000,
      measure: (clock() - measuring) / 1000,
    },
  };
}
