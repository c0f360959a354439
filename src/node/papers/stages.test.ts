import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claim } from './claim.ts';
import { fakeMaker, fakeResult, tiny } from './papers.test-helper.ts';
import { describePiece, pieceName, resultPath, type Piece } from './piece.ts';
import { chooseRate, planSeeds } from './plan.ts';
import type { RunResult } from './result.ts';
import { makeAll } from './schedule.ts';
import {
  acceptedSeeds,
  measureHeldout,
  runAll,
  runPilot,
  runTrials,
  type StageOptions,
} from './stages.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepsql-papers-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const options = (changes: Partial<StageOptions> = {}): StageOptions => ({
  ...{ experiment: tiny, arms: tiny.arms, out: join(root, 'out'), runs: join(root, 'runs') },
  ...{ backend: 'wasm', questions: 10, jobs: 1, maxSeeds: 12, force: false },
  ...{ stop: new AbortController().signal, make: fakeMaker().make },
  ...{ note: () => undefined, show: () => undefined },
  ...changes,
});

const names = (pieces: readonly Piece[], stage: Piece['stage']): string[] =>
  pieces.filter((piece) => piece.stage === stage).map(pieceName);

describe('the stages of an experiment', () => {
  it('tunes on seeds of its own, plans by the pilot, runs every arm, and makes nothing twice', async () => {
    const { make, made } = fakeMaker();
    const rates = (await runTrials(options({ make })))!;
    // Seed 1001 was refused: the next one stands in.
    expect(names(made, 'warm')).toEqual(['1000', '1001', '1002']);
    expect(names(made, 'trials')).toHaveLength(3 * 2 * 2);
    expect(rates.get('new')!.rate).toBe(2e-4);
    expect(rates.get('old')!.rate).toBe(1e-4); // of equals the smallest
    const plan = (await runPilot(rates, options({ make })))!;
    expect(names(made, 'runs')).toHaveLength(3 * 3);
    expect(names(made, 'runs')).not.toContain('odd-0');
    expect(plan.seeds).toBeGreaterThanOrEqual(3);
    const runs = (await runAll(rates, plan, options({ make })))!;
    const of = (arm: string) => runs.filter((run) => run.arm === arm).map(({ seed }) => seed);
    expect(of('new')).toEqual([0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13].slice(0, plan.seeds));
    expect(of('odd')).toEqual([0, 1, 3, 4, 5]);
    expect(made.find((piece) => piece.stage === 'runs' && piece.arm === 'new')).toMatchObject({
      rate: 2e-4,
    });
    expect(new Set(made.map(describePiece)).size).toBe(made.length);
    const again = fakeMaker();
    await runAll(rates, plan, options({ make: again.make }));
    expect(again.made).toEqual([]);
  });

  it('takes seeds as they are given, and refuses one whose warm start was refused', async () => {
    const runs = await runAll(new Map(), null, options({ seeds: [0, 4] }));
    expect(runs).toHaveLength(8);
    expect(await runPilot(new Map(), options({ seeds: [0, 4] }))).toBeNull();
    await expect(runAll(new Map(), null, options({ seeds: [2] }))).rejects.toThrow(
      '--seeds: got 2, expected one whose warm start meets its limits',
    );
  });

  it('starts from seeds whose process reward model is accepted too, where there are some', async () => {
    const { make, made } = fakeMaker();
    const experiment = { ...tiny, prm: true as const };
    const seeds = await acceptedSeeds(4, 0, options({ experiment, make }));
    expect(seeds).toEqual([0, 1, 4, 5]);
    expect(names(made, 'prm')).toEqual(['0', '1', '3', '4', '5']); // none for a start refused
  });

  it('lets a control take the rate of the arm it controls', async () => {
    const [start, old, method, odd] = tiny.arms;
    const arms = [start!, old!, method!, { ...odd!, rateOf: 'new' }];
    const { make, made } = fakeMaker();
    const given = options({ make, arms, experiment: { ...tiny, arms } });
    const rates = (await runTrials(given))!;
    expect(names(made, 'trials').some((name) => name.startsWith('odd'))).toBe(false);
    await runAll(rates, null, { ...given, seeds: [0] });
    expect(made.find((piece) => piece.stage === 'runs' && piece.arm === 'odd')).toMatchObject({
      rate: 2e-4,
    });
  });

  it('gives up on a kind of warm start that is never accepted', async () => {
    const make = (piece: Piece) =>
      Promise.resolve({ ...fakeResult(piece), missed: ['greedy 0, wanted more'] });
    await expect(runTrials(options({ make }))).rejects.toThrow('0 of 16 warm starts');
  });

  it('measures held-out questions once', async () => {
    await runAll(new Map(), null, options({ seeds: [0] }));
    const stopping = new AbortController();
    const interrupted = fakeMaker();
    const half = await measureHeldout(
      options({
        stop: stopping.signal,
        make: (piece, given) => {
          stopping.abort();
          return interrupted.make(piece, given);
        },
      }),
    );
    expect(half).toBeUndefined();
    expect(interrupted.made).toHaveLength(1);
    const { make, made } = fakeMaker();
    expect(await measureHeldout(options({ make }))).toHaveLength(4); // goes on
    expect(made).toHaveLength(3);
    await expect(measureHeldout(options())).rejects.toThrow('held-out questions: were measured');
    await runAll(new Map(), null, options({ seeds: [1] }));
    await expect(measureHeldout(options())).rejects.toThrow('measured on other runs');
    expect(await measureHeldout(options({ force: true }))).toHaveLength(8);
  });
});

describe('makeAll', () => {
  const pieces = [0, 1, 2, 3].map((seed): Piece => ({ stage: 'runs', arm: 'new', seed }));

  it('works side by side, each piece once, and leaves no claim behind', async () => {
    let [now, most] = [0, 0];
    const { make, made } = fakeMaker();
    const slow: StageOptions['make'] = async (piece, given) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 20));
      now--;
      return make(piece, given);
    };
    const both = await Promise.all([
      makeAll(pieces, options({ make: slow, jobs: 2 })),
      makeAll(pieces, options({ make: slow })),
    ]);
    expect(both[0]).toEqual(pieces.map(fakeResult));
    expect(both[1]).toEqual(both[0]);
    expect(names(made, 'runs').sort()).toEqual(pieces.map(pieceName));
    expect(most).toBeGreaterThan(1);
    expect(await readdir(join(root, 'out', 'runs'))).toEqual(
      pieces.map((piece) => `${pieceName(piece)}.json`),
    );
  });

  it('finishes what is under way when a piece fails, then throws', async () => {
    const make: StageOptions['make'] = (piece) =>
      piece.seed === 1 ? Promise.reject(new Error('no room')) : Promise.resolve(fakeResult(piece));
    await expect(makeAll(pieces, options({ make }))).rejects.toThrow('no room');
    expect(await readdir(join(root, 'out', 'runs'))).toEqual(['new-0.json']);
  });

  it('keeps what a stopped piece has not finished out of the results', async () => {
    const stopping = new AbortController();
    const make: StageOptions['make'] = (piece) => {
      if (piece.seed === 1) stopping.abort();
      return Promise.resolve(piece.seed === 1 ? undefined : fakeResult(piece));
    };
    expect(await makeAll(pieces, options({ make, stop: stopping.signal }))).toBeUndefined();
    expect(await readdir(join(root, 'out', 'runs'))).toEqual(['new-0.json']);
  });

  it('tells how far it is and how long it will take', async () => {
    const shown: string[] = [];
    let clock = 0;
    const make: StageOptions['make'] = (piece, { onProgress }) => {
      clock += 60_000;
      onProgress(1, 2, 'updates');
      return Promise.resolve(fakeResult(piece));
    };
    const show = (done: number, total: number, text: string) => {
      shown.push(`${done}/${total} ${text}`);
    };
    await makeAll(pieces, options({ make, show, ...{ now: () => clock } }));
    expect(shown[0]).toBe('0/4 new, seed 0: 1/2 updates');
    expect(shown[2]).toBe('2/4 about 3m 00s left | new, seed 2: 1/2 updates');
  });
});

describe('claims', () => {
  const at = () => join(root, 'x.json.claimed');

  it('belong to one at a time', async () => {
    const first = (await claim(at()))!;
    expect(await claim(at())).toBeUndefined();
    await first.release();
    const second = (await claim(at()))!;
    await second.release();
    expect(await readdir(root)).toEqual([]);
  });

  it.each([
    ['of a process that is gone', { pid: 2 ** 22 + 1, host: hostname(), token: 'x' }],
    ['of an earlier process with our number', { pid: process.pid, host: hostname(), token: 'x' }],
  ])('%s are taken over', async (_, owner) => {
    await writeFile(at(), JSON.stringify(owner));
    const taken = (await claim(at()))!;
    expect(await readFile(at(), 'utf8')).toContain(String(process.pid));
    await taken.release();
  });

  it('of another machine are left alone until they fall silent', async () => {
    await writeFile(at(), JSON.stringify({ pid: 1, host: 'elsewhere', token: 'x' }));
    expect(await claim(at())).toBeUndefined();
    const longAgo = new Date(Date.now() - 3_600_000);
    await utimes(at(), longAgo, longAgo);
    const taken = (await claim(at()))!;
    await taken.release();
  });

  it('are waited for by whoever needs the result', async () => {
    const piece: Piece = { stage: 'runs', arm: 'new', seed: 0 };
    const path = resultPath(join(root, 'out'), piece);
    await mkdir(join(root, 'out', 'runs'), { recursive: true });
    const theirs = (await claim(`${path}.claimed`))!;
    const { make, made } = fakeMaker();
    const waiting = makeAll([piece], options({ make }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await writeFile(path, JSON.stringify(fakeResult(piece)));
    await theirs.release();
    expect(await waiting).toEqual([fakeResult(piece)]);
    expect(made).toEqual([]);
  });
});

describe('plan', () => {
  it('chooses the rate with the best mean over tuning seeds', () => {
    const trial = (rate: number, seed: number, ex: number) => ({
      ...{ experiment: 'tiny', arm: 'new', updates: 1, seconds: 1 },
      ...{ rate, seed, ex },
    });
    const trials = [
      trial(4e-4, 0, 0.9),
      trial(4e-4, 1, 0.1),
      trial(1e-4, 0, 0.5),
      trial(1e-4, 1, 0.6),
    ];
    expect(chooseRate(trials)).toEqual({
      rate: 1e-4,
      tried: [
        { rate: 1e-4, ex: 0.55, seeds: 2 },
        { rate: 4e-4, ex: 0.5, seeds: 2 },
      ],
    });
    expect(chooseRate([])).toBeUndefined();
  });

  it('computes seeds from the spread of paired differences', () => {
    const pilot = (diffs: number[]) =>
      diffs.flatMap((diff, seed) =>
        ['old', 'new'].map((arm): RunResult => {
          const run = fakeResult({ stage: 'runs', arm, seed }) as RunResult;
          const dev = { ...run.splits['dev']!, ex: arm === 'new' ? 0.5 + diff : 0.5, error: 0 };
          return { ...run, splits: { dev } };
        }),
      );
    const one = { ...tiny, contrasts: [tiny.contrasts[0]!] };
    // Deviation .02 and .02 to be found: d = 1, for which power.t.test asks for 10 pairs.
    const spread = pilot([0.04, 0.06, 0.08]);
    const plan = planSeeds(one, spread, 100);
    expect(plan.contrasts[0]!.std).toBeCloseTo(0.02, 12);
    expect(plan).toMatchObject({ seeds: 10, capped: false });
    expect(planSeeds(one, spread, 6)).toMatchObject({ seeds: 6, capped: true });
    // Two contrasts: each at half the level.
    expect(planSeeds(tiny, spread, 100).contrasts[0]!.seeds).toBeGreaterThan(10);
    expect(planSeeds(one, pilot([0.05, 0.05, 0.05]), 100).seeds).toBe(3); // at least the pilot
  });
});
