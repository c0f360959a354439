/** Makes the pieces of an experiment in this process. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput } from '../../core/errors.ts';
import { sha256Hex } from '../../core/recipe/canonical.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import type { LoadedPolicy } from '../../core/train/starting-policy.ts';
import type { LoadedData } from '../../core/train/data.ts';
import { loadCheckpoint, startingPolicy } from '../checkpoints.ts';
import { loadData } from '../run-inputs.ts';
import { runCommand } from './command.ts';
import { armRecipe, findArm, SPLITS, trainedArms, type Experiment } from './experiment.ts';
import { measure } from './measure.ts';
import { resultPath, type Make, type MakeOptions, type Piece } from './piece.ts';
import { readResult } from './claim.ts';
import type { ModelResult, PrmResult, RunResult, TrialResult, WarmResult } from './result.ts';
import { runFolder, trainArm, type Models, type Trained } from './train-arm.ts';
import { makeWarmStart, startFolder } from './warm.ts';

export const makePiece: Make = async (piece, options) => {
  switch (piece.stage) {
    case 'warm':
      return makeWarmStart(piece.seed, options);
    case 'prm':
      return makePrm(piece.seed, options);
    case 'trials':
      return makeTrial(piece, options);
    case 'runs':
      return makeRun(piece, options);
    case 'heldout':
      return measureHeldout(piece, options);
  }
};

async function modelResult<T extends ModelResult>(piece: Piece, { out }: MakeOptions): Promise<T> {
  const path = resultPath(out, piece);
  const model = await readResult<T>(path);
  if (!model) throw badInput(path, null, `the result of stage ${piece.stage}`);
  return model;
}

/** The last data made: the pieces of an experiment mostly share it. */
let lastData: { key: string; loaded: LoadedData } | undefined;

async function dataOf(recipe: Recipe, splits: readonly string[]): Promise<LoadedData['data']> {
  const key = JSON.stringify([recipe.data, recipe.protocol, splits]);
  if (lastData?.key !== key) lastData = { key, loaded: await loadData(recipe, splits) };
  return lastData.loaded.data;
}

interface Prepared extends Models {
  recipe: Recipe;
}

async function prepare(
  experiment: Experiment,
  piece: { arm: string; seed: number; rate?: number },
  options: MakeOptions,
): Promise<Prepared> {
  const { seed, rate } = piece;
  const warm = await modelResult<WarmResult>({ stage: 'warm', seed }, options);
  const prm = experiment.prm && (await modelResult<PrmResult>({ stage: 'prm', seed }, options));
  const recipe = armRecipe(experiment, findArm(experiment, piece.arm), {
    ...{ seed, checkpoint: warm.checkpoint },
    ...(prm && { prm: prm.checkpoint }),
    ...(rate !== undefined && { rate }),
  });
  return { recipe, start: startFolder(warm), prm: prm?.path };
}

/**
 * Trained on traces of the seed's warm start with \`--force\`, so that one that misses its limits is known and not
 * made again. Undefined when stopped.
 */
async function makePrm(seed: number, options: MakeOptions): Promise<PrmResult | undefined> {
  const { experiment, runs } = options;
  const warm = await modelResult<WarmResult>({ stage: 'warm', seed }, options);
  const { checkpoint, path } = warm;
  const recipe = armRecipe(experiment, trainedArms(experiment)[0]!, { seed, checkpoint });
  const folder = join(runs, 'prm', String(seed));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'recipe.json'), JSON.stringify(recipe));
  const printed = await runCommand(
    [
      ...['prm', path, '--recipe', join(folder, 'recipe.json'), '--seed', String(seed)],
      ...['--out', folder, '--work', join(folder, 'work.jsonl'), '--force'],
      ...['--backend', 'wasm', '--workers', '1'],
    ],
    options,
  );
  if (!printed) return undefined;
  const { missed, ...report } = printed as { missed: string[] };
  const weights = await readFile(join(folder, 'model.safetensors'));
  return { seed, path: folder, checkpoint: sha256Hex(weights), missed, report };
}

async function makeTrial(
  piece: Extract<Piece, { stage: 'trials' }>,
  options: MakeOptions,
): Promise<TrialResult | undefined> {
  const { experiment, onProgress } = options;
  const { arm, seed, rate } = piece;
  const { recipe, ...models } = await prepare(experiment, piece, options);
  const data = await dataOf(recipe, [SPLITS.tuning]);
  const folder = join(options.runs, 'trials', `${arm}-lr${rate}-${seed}`);
  const trained = await trainArm(recipe, folder, data, models, options);
  if (!trained) return undefined;
  const { updates, seconds, failed } = trained;
  let ex = 0;
  if (failed === undefined) {
    const loaded = await loadCheckpoint(folder);
    const measured = await measure(loaded, recipe, data, {
      ...{ split: SPLITS.tuning, questions: Infinity, samples: false, onProgress },
      maxCompletionLength: experiment.maxCompletionLength,
      workerFile: options.workerFile,
    });
    ex = measured.ex;
    loaded.policy.dispose();
  }
  await rm(folder, { recursive: true, force: true }); // the result file says all that counts
  const what = { experiment: experiment.name, arm, seed, rate };
  return { ...what, updates, seconds, ex, ...(failed !== undefined && { failed }) };
}

async function makeRun(
  piece: Extract<Piece, { stage: 'runs' }>,
  options: MakeOptions,
): Promise<RunResult | undefined> {
  const { experiment, onProgress, questions } = options;
  const { arm, seed } = piece;
  const { recipe, ...models } = await prepare(experiment, piece, options);
  const data = await dataOf(recipe, [SPLITS.dev]);
  const trains = findArm(experiment, arm).preset !== null;
  const folder = runFolder(options.runs, arm, seed);
  const trained = trains && (await trainArm(recipe, folder, data, models, options));
  if (trains && !trained) return undefined;
  const began = await startingPolicy(recipe, models.start);
  const loaded = trained ? await endOf(folder, trained, began) : began;
  try {
    const dev = await measure(loaded, recipe, data, {
      ...{ split: SPLITS.dev, questions, samples: true, onProgress },
      start: trained ? began.policy : null,
      prm: models.prm,
      maxCompletionLength: experiment.maxCompletionLength,
      workerFile: options.workerFile,
    });
    return {
      ...{ experiment: experiment.name, arm, seed, recipe },
      ...(trained || { fingerprint: null, updates: 0, seconds: 0 }),
      splits: { [SPLITS.dev]: dev },
    };
  } finally {
    if (loaded !== began) loaded.policy.dispose();
    began.policy.dispose();
  }
}

/** The last checkpoint; the start where a run failed before its first. */
async function endOf(folder: string, { failed }: Trained, start: LoadedPolicy) {
  return loadCheckpoint(folder).catch((error: unknown) => {
    if (failed === undefined) throw error;
    return start;
  });
}

/** Measures a finished run on held-out schemas. */
async function measureHeldout(
  piece: Extract<Piece, { stage: 'heldout' }>,
  options: MakeOptions,
): Promise<RunResult> {
  const { experiment, onProgress, questions } = options;
  const { arm, seed } = piece;
  const path = resultPath(options.out, { stage: 'runs', arm, seed });
  const run = await readResult<RunResult>(path);
  if (!run) throw badInput(path, null, 'the result of the run');
  const { recipe } = run;
  const start = startFolder(await modelResult<WarmResult>({ stage: 'warm', seed }, options));
  const folder = runFolder(options.runs, arm, seed);
  const data = await dataOf(recipe, [SPLITS.heldout]);
  const untrained = findArm(experiment, arm).preset === null;
  const loaded = untrained ? await startingPolicy(recipe, start) : await loadCheckpoint(folder);
  try {
    const heldout = await measure(loaded, recipe, data, {
      ...{ split: SPLITS.heldout, questions, samples: false, onProgress },
      maxCompletionLength: experiment.maxCompletionLength,
      workerFile: options.workerFile,
    });
    const { fingerprint, seconds, updates } = run;
    return {
      ...{ experiment: experiment.name, arm, seed, recipe, fingerprint, seconds, updates },
      splits: { [SPLITS.heldout]: heldout },
    };
  } finally {
    loaded.policy.dispose();
  }
}
