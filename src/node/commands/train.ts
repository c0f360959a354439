import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput } from '../../core/errors.ts';
import { recipeHash } from '../../core/recipe/canonical.ts';
import { compareFingerprints, type Fingerprint } from '../../core/recipe/fingerprint.ts';
import { encodeLink } from '../../core/recipe/link.ts';
import { parseRecipe } from '../../core/recipe/parse.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import { localRewards } from '../../core/reward/service.ts';
import { train as trainLoop, type RunEvent } from '../../core/train/run.ts';
import { loadSql } from '../../core/sql/load.ts';
import { corpusOf } from '../../core/train/warm-start/index.ts';
import { startNodeBackend } from '../backend.ts';
import { processModelOf, startingPolicy } from '../checkpoints.ts';
import { RunFolder } from '../run-folder.ts';
import { loadData } from '../run-inputs.ts';
import { nodeReplicas } from '../replicas.ts';
import { nodeSqlPool } from '../sql-pool.ts';
import { setOption, type Register, type Session } from './command.ts';
import { backendOption, plainOption, workersOption } from './options.ts';
import { readRecipeSource } from './recipe-source.ts';

interface Options {
  out?: string;
  set: string[];
  backend: string;
  plain?: true;
  resume?: true;
  data?: string;
  checkpoint?: string;
  prm?: string;
  workers?: number;
}

/** `stepsql train <recipe>`: the whole loop, into a run folder. */
export const train: Register = (program, session) => {
  program
    .command('train')
    .description('train a policy by a recipe, into a run folder')
    .argument('<recipe>', 'a preset, a recipe file, a run folder or a link')
    .option('--out <dir>', 'run folder (default: runs/<name>-<id>)')
    .addOption(setOption())
    .addOption(backendOption())
    .addOption(plainOption())
    .addOption(workersOption())
    .option('--resume', 'go on from the latest checkpoint of the run folder')
    .option('--data <path>', 'folder or zip of Spider, BIRD or question-answer files')
    .option('--checkpoint <dir>', 'start from this checkpoint or run instead')
    .option('--prm <dir>', 'score steps by this process reward model instead')
    .action((source: string, options: Options) => run(session, source, options));
};

async function run(session: Session, source: string, options: Options): Promise<void> {
  const read = await readRecipeSource(source, options.set);
  for (const note of read.notes) session.note(`note: ${note}`);
  let recipe = onFiles(read.recipe, options.data);
  const backend = await startNodeBackend(options.backend, options.plain);
  const replicas = nodeReplicas(options.workers, backend.name);
  const threads = replicas ? `, ${replicas.count} threads` : '';
  session.note(`backend: ${backend.name} (${backend.reason})${threads}`);
  // Before the data: a checkpoint that is not there is told at once.
  const start = {
    ...(await startingPolicy(recipe, options.checkpoint)),
    ...(await processModelOf(recipe, options.prm)),
  };
  const evaluated = recipe.eval.every > 0 ? [recipe.eval.split] : [];
  const { data, sha256 } = await loadData(recipe, evaluated, options.data);
  recipe = { ...recipe, data: { ...recipe.data, sha256 } };
  const id = recipeHash(recipe).slice(0, 8);
  const resumed = options.resume && (await isRun(source)) ? source : undefined;
  const out = options.out ?? resumed ?? join('runs', `${recipe.name.replaceAll(' ', '-')}-${id}`);
  const store = new RunFolder(out);
  if (!options.resume && (await store.readRecipe())) {
    throw badInput('--out', out, 'a new folder, or --resume to go on with the run in it');
  }
  const sql = nodeSqlPool({
    timeLimitMs: recipe.sql.timeout_ms,
    sandbox: { date: Date.parse(recipe.sql.date), maxRows: recipe.sql.row_cap },
  });
  const corpus = await corpusOf(recipe, loadSql);
  const inputs = { recipe, data, ...start, ...(corpus && { corpus }) };
  let end: Extract<RunEvent, { type: 'end' }> | undefined;
  let evaluation: Record<string, number> = {};
  try {
    await session.interruptible(async (stop) => {
      const clock = (): number => performance.now();
      let updates = 0;
      const ports = {
        ...{ sql, rewards: localRewards, store, clock, stop, backend: backend.name },
        ...(replicas && { replicas }),
      };
      for await (const event of trainLoop(inputs, ports)) {
        if (event.type === 'start') updates = event.updates;
        if (event.type === 'evaluation') evaluation = event.metrics;
        if (event.type === 'end') end = event;
        show(session, event, updates);
      }
    });
    if (await store.readRecipe()) await store.writeReport();
  } finally {
    session.progress.finish();
    await store.close();
    await sql.close();
  }
  // A run that goes on is not compared with itself.
  const expected = options.resume ? undefined : read.fingerprint;
  report(session, { recipe, out, end: end!, evaluation, expected });
}

async function isRun(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** `--data` makes any recipe one on files. */
function onFiles(recipe: Recipe, path: string | undefined): Recipe {
  if (path === undefined || recipe.data.kind === 'files') return recipe;
  return parseRecipe({ ...recipe, data: { kind: 'files' } });
}

const percent = (share: number | undefined): string =>
  share === undefined || Number.isNaN(share) ? '–' : `${(100 * share).toFixed(1)} %`;

function show(session: Session, event: RunEvent, updates: number): void {
  const { progress } = session;
  if (event.type === 'start') {
    const left = [
      [event.left_out, 'prompt too long'],
      [event.unanswerable, 'gold returns nothing'],
    ] as const;
    const parts = left.flatMap(([count, why]) => (count > 0 ? [`${count} left out: ${why}`] : []));
    session.note([`${event.tasks} training questions`, ...parts].join(', '));
    if (event.done > 0) session.note(`resumed after update ${event.done}`);
  } else if (event.type === 'update') {
    const { metrics: m } = event;
    const parts =
      m['reward'] === undefined
        ? [`loss ${(m['loss'] ?? NaN).toFixed(4)}`]
        : [
            `reward ${m['reward'].toFixed(3)}`,
            `right ${percent(m['sql/ex'])}`,
            `failing ${percent(m['sql/error'])}`,
            `entropy ${(m['entropy'] ?? NaN).toFixed(3)}`,
          ];
    progress.step(event.update, updates, parts.join('  '));
  } else if (event.type === 'evaluation') {
    const { 'eval/ex': ex, 'eval/error': error } = event.metrics;
    session.note(
      `update ${event.update}: ${event.split} EX ${percent(ex)}, failing ${percent(error)}`,
    );
  }
}

interface Finished {
  recipe: Recipe;
  out: string;
  end: Extract<RunEvent, { type: 'end' }>;
  evaluation: Record<string, number>;
  /** Fingerprint a link carried. */
  expected: Fingerprint | undefined;
}

function report(session: Session, { recipe, out, end, evaluation, expected }: Finished): void {
  if (end.update === 0) {
    session.print('Stopped before the first update: nothing was written.', { update: 0 });
    return;
  }
  const lines = [
    end.finished
      ? `Finished after ${end.update} updates: ${out}`
      : `Stopped after ${end.update} updates. Go on with: stepsql train ${out} --resume`,
    `Report: ${join(out, 'report.html')}`,
    `Link: ${encodeLink(recipe, end.fingerprint)}`,
  ];
  const comparison = expected && compareFingerprints(expected, end.fingerprint);
  if (comparison) {
    const { identical, compared, drift, notes } = comparison;
    const verdict = drift
      ? `differs from update ${drift.update} on, first in ${drift.part}`
      : `the same, bit for bit, over ${identical ? `all ${end.update}` : `the first ${compared}`} updates`;
    lines.push(`Reproduced: ${verdict}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`);
  }
  session.print(lines.join('\n'), {
    out,
    run: recipeHash(recipe),
    update: end.update,
    finished: end.finished,
    evaluation,
    fingerprint: end.fingerprint.head,
    ...(comparison && { reproduced: comparison }),
  });
}
