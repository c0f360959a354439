/**
 * The order of an experiment: warm starts, learning rates on tuning seeds, a pilot that says how many seeds
 * it takes, all runs, and once, at the end, held-out questions. Each stage goes on from the result files
 * there are.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput, StepSqlError } from '../../core/errors.ts';
import { readFolder, readResult, writeResult } from './claim.ts';
import { EXPLORATORY_SEEDS, SPLITS, trainedArms, type Arm } from './experiment.ts';
import { pieceName, resultPath, type Piece } from './piece.ts';
import { chooseRate, planSeeds, type ChosenRate, type Plan } from './plan.ts';
import type { ModelResult, PrmResult, RunResult, TrialResult, WarmResult } from './result.ts';
import { makeAll, type ScheduleOptions } from './schedule.ts';

export const STAGES = ['trials', 'pilot', 'runs', 'heldout', 'report'] as const;
export type Stage = (typeof STAGES)[number];

/** Tuning seeds are counted from here: none of them is a seed of a table. */
export const TUNING_SEED = 1000;

/** Warm starts refused for one accepted before something must be wrong with their kind. */
const PATIENCE = 5;

export interface StageOptions extends ScheduleOptions {
  arms: readonly Arm[];
  /** Just these seeds, without a pilot. */
  seeds?: readonly number[] | undefined;
  /** At most so many seeds, whatever the pilot says. */
  maxSeeds: number;
  /** Measure held-out questions again, or after runs that were not there the first time. */
  force: boolean;
}

interface Start {
  seed: number;
  /** Limits that its models miss: none means that arms may start here. */
  missed: string[];
}

/** Warm starts, and for those that are accepted the process reward models of experiments that have them. */
async function starts(
  seeds: readonly number[],
  options: StageOptions,
): Promise<Start[] | undefined> {
  const make = <T extends ModelResult>(stage: 'warm' | 'prm', of: readonly number[]) =>
    makeAll<T>(
      of.map((seed) => ({ stage, seed })),
      options,
    );
  const warm = await make<WarmResult>('warm', seeds);
  if (!warm || !options.experiment.prm) return warm;
  const accepted = warm.filter(({ missed }) => missed.length === 0).map(({ seed }) => seed);
  const prm = await make<PrmResult>('prm', accepted);
  return prm && warm.map((start) => prm.find(({ seed }) => seed === start.seed) ?? start);
}

/** The first `count` seeds from `first` whose warm start meets its limits; undefined when stopped. */
export async function acceptedSeeds(
  count: number,
  first: number,
  options: StageOptions,
): Promise<number[] | undefined> {
  for (let tried = count; ;) {
    const seeds = Array.from({ length: tried }, (_, i) => first + i);
    const made = await starts(seeds, options);
    if (!made) return undefined;
    const accepted = made.filter(({ missed }) => missed.length === 0).map(({ seed }) => seed);
    if (accepted.length >= count) return accepted.slice(0, count);
    if (tried > PATIENCE * (count + 1)) {
      const { missed } = made.findLast((start) => start.missed.length > 0)!;
      const state = `${accepted.length} of ${tried} warm starts (the last: ${missed.join(', ')})`;
      throw new StepSqlError(
        'warm_start',
        `warm start: got ${state}, expected ${count} to be accepted`,
      );
    }
    tried += count - accepted.length;
  }
}

/** Seeds that were asked for: each has to have a warm start that arms may start from. */
async function givenSeeds(
  seeds: readonly number[],
  options: StageOptions,
): Promise<number[] | undefined> {
  const made = await starts(seeds, options);
  for (const { seed, missed } of made ?? []) {
    if (missed.length > 0) {
      const expected = `one whose warm start meets its limits (${missed.join(', ')})`;
      throw badInput('--seeds', seed, expected);
    }
  }
  return made?.map(({ seed }) => seed);
}

export type Rates = ReadonlyMap<string, ChosenRate>;

/** The learning rate of each arm; empty for an experiment without trials, undefined when stopped. */
export async function runTrials(options: StageOptions): Promise<Rates | undefined> {
  const { experiment, arms } = options;
  const { trials } = experiment;
  if (!trials) return new Map();
  const seeds = await acceptedSeeds(trials.seeds, TUNING_SEED, options);
  if (!seeds) return undefined;
  const tuned = trainedArms(experiment).filter(
    (arm) =>
      arm.rateOf === undefined &&
      (arms.includes(arm) || arms.some(({ rateOf }) => rateOf === arm.name)),
  );
  const pieces = tuned.flatMap(({ name }) =>
    seeds.flatMap((seed) =>
      trials.rates.map((rate): Piece => ({ stage: 'trials', arm: name, seed, rate })),
    ),
  );
  const results = await makeAll<TrialResult>(pieces, options);
  if (!results) return undefined;
  return new Map(
    tuned.map(({ name }) => [name, chooseRate(results.filter(({ arm }) => arm === name))!]),
  );
}

const runPiece = (arm: Arm, seed: number, rates: Rates): Piece => {
  const rate = rates.get(arm.rateOf ?? arm.name)?.rate;
  return { stage: 'runs', arm: arm.name, seed, ...(rate !== undefined && { rate }) };
};

const runsOf = (
  arms: readonly Arm[],
  seeds: readonly number[],
  rates: Rates,
  options: StageOptions,
): Promise<RunResult[] | undefined> =>
  makeAll<RunResult>(
    seeds.flatMap((seed) => arms.map((arm) => runPiece(arm, seed, rates))),
    options,
  );

/** What the pilot says; undefined when stopped, null for an experiment or call without a pilot. */
export async function runPilot(
  rates: Rates,
  options: StageOptions,
): Promise<Plan | null | undefined> {
  const { experiment, arms, maxSeeds } = options;
  if (experiment.pilot === null || options.seeds) return null;
  const seeds = await acceptedSeeds(experiment.pilot, 0, options);
  const claimed = arms.filter(({ exploratory }) => !exploratory);
  const runs = seeds && (await runsOf(claimed, seeds, rates, options));
  return runs && planSeeds(experiment, runs, maxSeeds);
}

/** All runs; undefined when stopped. */
export async function runAll(
  rates: Rates,
  plan: Plan | null,
  options: StageOptions,
): Promise<RunResult[] | undefined> {
  const { experiment, arms } = options;
  const given = options.seeds ?? (plan ? undefined : experiment.seeds);
  const seeds = given
    ? await givenSeeds(given, options)
    : await acceptedSeeds(Math.max(plan!.seeds, EXPLORATORY_SEEDS), 0, options);
  if (!seeds) return undefined;
  const claimed = arms.filter(({ exploratory }) => !exploratory);
  const explored = arms.filter(({ exploratory }) => exploratory);
  const first = await runsOf(claimed, plan ? seeds.slice(0, plan.seeds) : seeds, rates, options);
  const rest = first && (await runsOf(explored, seeds.slice(0, EXPLORATORY_SEEDS), rates, options));
  return rest && [...first, ...rest];
}

/** Runs that held-out questions were first measured on, by name: the fingerprints they had. */
type Touched = Record<string, string | null>;

const touched = (found: string): StepSqlError =>
  new StepSqlError(
    'heldout_touched',
    `held-out questions: ${found}, expected to be measured once, at the end (--force measures again)`,
  );

/**
 * Measures every finished run on held-out schemas. The first time notes which runs there are: a later call
 * finishes what was interrupted, and refuses to measure again or to measure other runs.
 */
export async function measureHeldout(options: StageOptions): Promise<RunResult[] | undefined> {
  const { out, force, experiment } = options;
  const runs = await readRuns({ out, arms: experiment.arms });
  if (runs.length === 0) throw badInput('--stage', 'heldout', 'finished runs to measure');
  // Runs of before this stage was one of its own hold both splits.
  if (!force && runs.some(({ splits }) => splits[SPLITS.heldout]))
    throw touched('were measured with the runs');
  const pieces = runs.map(({ arm, seed }): Piece => ({ stage: 'heldout', arm, seed }));
  const now: Touched = Object.fromEntries(
    runs.map(({ fingerprint }, i) => [pieceName(pieces[i]!), fingerprint]),
  );
  const note = join(out, 'heldout.json');
  if (force) await rm(join(out, 'heldout'), { recursive: true, force: true });
  const before = force ? undefined : await readResult<Touched>(note);
  if (before) {
    if (JSON.stringify(before) !== JSON.stringify(now))
      throw touched('were measured on other runs');
    const there = await Promise.all(pieces.map((piece) => readResult(resultPath(out, piece))));
    if (there.every(Boolean)) throw touched('were measured');
  } else {
    await mkdir(out, { recursive: true });
    await writeResult(note, now);
  }
  return makeAll<RunResult>(pieces, options);
}

/** Results of the arms asked for that are there, in the order of arms and seeds. */
export async function readRuns(options: Pick<StageOptions, 'out' | 'arms'>): Promise<RunResult[]> {
  return readAll<RunResult>(options, 'runs');
}

export async function readAll<T extends { arm: string; seed: number }>(
  { out, arms }: Pick<StageOptions, 'out' | 'arms'>,
  stage: 'runs' | 'trials' | 'heldout',
): Promise<T[]> {
  const found = await readFolder<T>(join(out, stage));
  return arms.flatMap(({ name }) =>
    found.filter(({ arm }) => arm === name).sort((a, b) => a.seed - b.seed),
  );
}
