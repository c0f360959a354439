import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput } from '../../core/errors.ts';
import { startNodeBackend } from '../backend.ts';
import type { Arm, Experiment } from '../papers/experiment.ts';
import { loop } from '../papers/loop.ts';
import { runPiece, type PieceResult } from '../papers/piece.ts';
import { resultsMarkdown } from '../papers/table.ts';
import type { Register, Session } from './command.ts';
import { plainOption, wholeNumber } from './options.ts';

/** A new experiment is a file in `papers/` and a line here. */
const EXPERIMENTS: readonly Experiment[] = [loop];

interface Options {
  seeds: string;
  arms?: string;
  out?: string;
  runs: string;
  splits: string;
  questions: number;
  plain?: true;
}

/**
 * `stepsql papers <experiment>`: runs every arm on every seed, one result file each, and writes the
 * table. What has a result file is not run again, so it can be stopped and continued, and several
 * processes can share the work.
 */
export const papers: Register = (program, session) => {
  program
    .command('papers')
    .description('run an experiment over seeds, in pieces that stop and continue')
    .argument('<experiment>', EXPERIMENTS.map(({ name }) => name).join(', '))
    .option('--seeds <list>', 'seeds, each with its warm start', '0,1,3,4,5')
    .option('--arms <list>', 'only these arms')
    .option('--out <dir>', 'result files and table (default: results/<experiment>)')
    .option('--runs <dir>', 'run folders', 'runs')
    .option('--splits <list>', 'Nursery splits to measure on', 'dev,heldout_schemas')
    .option('--questions <n>', 'questions per split', wholeNumber(1, 100_000), 1000)
    .addOption(plainOption())
    .action((name: string, options: Options) =>
      session.interruptible((stop) => run(session, name, options, stop)),
    );
};

async function run(
  session: Session,
  name: string,
  options: Options,
  stop: AbortSignal,
): Promise<void> {
  const experiment = EXPERIMENTS.find((e) => e.name === name);
  const known = EXPERIMENTS.map((e) => e.name).join(', ');
  if (!experiment) throw badInput('experiment', name, `one of ${known}`);
  const arms = chosenArms(experiment, options.arms);
  const seeds = options.seeds.split(',').map(wholeNumber(0, 0xffffffff));
  const label = options.plain ? `${name}-plain` : name; // other bits: never among the others
  const out = options.out ?? join('results', label);
  await mkdir(out, { recursive: true });
  // On wasm results repeat bit for bit.
  const { name: backend } = await startNodeBackend('wasm', options.plain);
  for (const seed of seeds) {
    for (const arm of arms) {
      if (stop.aborted) return;
      await once(join(out, `${arm.name}-${seed}.json`), async () => {
        session.note(`${arm.name}, seed ${seed}`);
        const result = await runPiece(arm, {
          ...{ experiment: name, seed, stop, backend, questions: options.questions },
          runs: join(options.runs, label),
          splits: options.splits.split(','),
          onProgress: (done, total, text) => session.progress.step(done, total, text),
        });
        session.progress.finish();
        return result;
      });
    }
  }
  const results = await readResults(out);
  const markdown = resultsMarkdown(
    experiment,
    results,
    `stepsql papers ${name} --seeds ${options.seeds}${options.plain ? ' --plain' : ''}`,
  );
  await writeFile(join(out, 'README.md'), markdown);
  session.print(markdown, results);
}

function chosenArms(experiment: Experiment, list: string | undefined): readonly Arm[] {
  if (list === undefined) return experiment.arms;
  return list.split(',').map((name) => {
    const arm = experiment.arms.find((a) => a.name === name);
    const names = experiment.arms.map((a) => a.name).join(', ');
    if (!arm) throw badInput('--arms', name, `some of ${names}`);
    return arm;
  });
}

/** Makes a result file unless it is there or another process is at it; the file appears whole. */
async function once(path: string, make: () => Promise<PieceResult | undefined>): Promise<void> {
  if (await readFile(path).catch(() => undefined)) return;
  const claim = `${path}.claimed`;
  const handle = await open(claim, 'wx').catch(() => undefined);
  if (!handle) return;
  try {
    const result = await make();
    if (!result) return;
    await writeFile(`${path}.part`, `${JSON.stringify(result, null, 1)}\n`);
    await rename(`${path}.part`, path);
  } finally {
    await handle.close();
    await rm(claim, { force: true });
  }
}

async function readResults(folder: string): Promise<PieceResult[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    names.map(
      async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as PieceResult,
    ),
  );
}
