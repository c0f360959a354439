import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput } from '../../core/errors.ts';
import { savePolicy } from '../../core/model/checkpoint.ts';
import { recipeHash, sha256Hex } from '../../core/recipe/canonical.ts';
import { localRewards } from '../../core/reward/service.ts';
import { maxCompletionLength } from '../../core/train/batches.ts';
import { localCompute } from '../../core/train/compute.ts';
import { DatabaseHashes, Prompts } from '../../core/train/context.ts';
import { loadSql } from '../../core/sql/load.ts';
import { train, type RunEvent } from '../../core/train/run.ts';
import type { LoadedPolicy } from '../../core/train/starting-policy.ts';
import {
  corpusOf,
  findWarmStart,
  measureWarmStart,
  missedLimits,
  warmStarts,
  warmStartRecipe,
  type WarmStartName,
  type WarmStartReport,
} from '../../core/train/warm-start/index.ts';
import type { Limits } from '../../core/train/warm-start/kind.ts';
import { sharpen } from '../../core/train/warm-start/sharpen.ts';
import { startNodeBackend } from '../backend.ts';
import { loadCheckpoint, startingPolicy, warmStartPath } from '../checkpoints.ts';
import { RunFolder } from '../run-folder.ts';
import { loadData } from '../run-inputs.ts';
import { nodeSqlPool } from '../sql-pool.ts';
import { backendOption, plainOption, wholeNumber } from './options.ts';
import type { Register, Session } from './command.ts';

interface Options {
  kind: WarmStartName;
  seed: number;
  updates?: number;
  questions: number;
  base?: string;
  baseOnly?: true;
  out?: string;
  work?: string;
  backend: string;
  plain?: true;
  force?: true;
}

/** `stepsql warm-start`: makes the policy that reinforcement learning starts from, and measures it. */
export const warmStart: Register = (program, session) => {
  program
    .command('warm-start')
    .description('train the small policy with planted errors and check it is worth training on')
    .option('--kind <name>', `protocol: ${Object.keys(warmStarts).join(', ')}`, 'direct')
    .option('--seed <n>', 'seed of weights, corpus and habits', wholeNumber(0, 0xffffffff), 0)
    .option('--updates <n>', 'SFT updates (default: of the kind)', wholeNumber(1, 1_000_000))
    .option('--questions <n>', 'dev questions to measure on', wholeNumber(1, 1000), 1000)
    .option('--base-only', 'only the part that sees no planted errors, for several seeds to share')
    .option('--base <dir>', 'go on from such a base instead of new weights')
    .option('--out <dir>', 'checkpoint folder (default: where recipes look for it)')
    .option(
      '--work <dir>',
      'run folder that an interrupted one goes on from (default: runs/warm-<kind>-<seed>-<hash>)',
    )
    .option('--force', 'keep the checkpoint even if it misses its limits')
    .addOption(backendOption())
    .addOption(plainOption())
    .action((options: Options) => session.interruptible((stop) => make(session, options, stop)));
};

async function make(session: Session, options: Options, stop: AbortSignal): Promise<void> {
  const { kind: name, seed, base, baseOnly, updates } = options;
  const kind = findWarmStart(name);
  if (base !== undefined && baseOnly) throw badInput('--base', base, 'no --base-only beside it');
  if (baseOnly && options.out === undefined) throw badInput('--out', null, 'a folder for the base');
  const recipe = warmStartRecipe(name, seed, {
    ...(updates !== undefined && { updates }),
    ...(baseOnly && { part: 'base' }),
    ...(base !== undefined && { part: 'planted', base: await weightsHash(base) }),
  });
  const backend = await startNodeBackend(options.backend, options.plain);
  session.note(`backend: ${backend.name} (${backend.reason})`);
  const { data } = await loadData(recipe, baseOnly ? [] : ['dev', 'tuning']);
  const start = base === undefined ? await startingPolicy(recipe) : await loadCheckpoint(base);
  const { policy, tokenizer } = start;
  session.note(`${policy.parameterCount()} parameters, ${tokenizer.vocabSize} tokens`);
  const sql = nodeSqlPool();
  const run = `warm-${name}-${seed}-${recipeHash(recipe).slice(0, 8)}`;
  let done = false;
  const store = new RunFolder(options.work ?? join('runs', run));
  try {
    const clock = (): number => performance.now();
    const inputs = { recipe, data, policy, tokenizer, corpus: (await corpusOf(recipe, loadSql))! };
    const ports = { sql, rewards: localRewards, store, clock, stop, backend: backend.name };
    if (!(await finished(session, train(inputs, ports)))) return;
    const { policy: trained } = await loadCheckpoint(store.path);
    const out =
      options.out ?? warmStartPath(name === 'direct' ? `warm-${seed}` : `warm-${name}-${seed}`);
    if (baseOnly) {
      await keep(out, { policy: trained, tokenizer });
      done = true;
      session.print(out, { out });
      return;
    }
    const context = {
      ...{ policy: trained, compute: localCompute(trained), tokenizer, sql },
      prompts: new Prompts(tokenizer, data.databases, recipe),
      databases: new DatabaseHashes(sql, data.databases),
    };
    const max_completion_length = maxCompletionLength(recipe);
    const measure = { max_completion_length, batch_size: 64, test_suite: false, seed };
    if (kind.sharpening) session.note('sharpening on tuning questions');
    const tuning = data.splits.get('tuning')!;
    const factors = kind.sharpening && (await sharpen(context, tuning, kind.sharpening, measure));
    const tasks = data.splits.get('dev')!.slice(0, options.questions);
    const report = await measureWarmStart(context, recipe, tasks, measure, (done) =>
      session.progress.step(done, 2 * tasks.length, 'questions measured'),
    );
    session.progress.finish();
    const missed = missedLimits(report, kind);
    if (missed.length > 0 && !options.force) {
      session.print(table(report, kind.limits), { ...report, missed });
      done = true;
      throw badInput('warm start', missed, 'all limits met (keep it anyway with --force)');
    }
    await keep(out, { policy: trained, tokenizer }, { ...report, ...factors });
    done = true;
    session.print(`${table(report, kind.limits)}\n${out}`, { ...report, missed, out });
  } finally {
    await store.close();
    // Kept for going on only: of what is finished the checkpoint says all.
    if (done) await rm(store.path, { recursive: true, force: true });
    await sql.close();
  }
}

async function weightsHash(folder: string): Promise<string> {
  const path = join(folder, 'model.safetensors');
  const bytes = await readFile(path).catch(() => undefined);
  if (!bytes) throw badInput('--base', folder, 'a checkpoint folder (with model.safetensors)');
  return sha256Hex(bytes);
}

/** Follows training; false when it was stopped. */
async function finished(session: Session, events: AsyncIterable<RunEvent>): Promise<boolean> {
  let total = 0;
  for await (const event of events) {
    if (event.type === 'start') {
      total = event.updates;
      if (event.done > 0) session.note(`goes on after update ${event.done}`);
    }
    if (event.type === 'update' && event.update % 10 === 0) {
      session.progress.step(event.update, total, `loss ${event.metrics['loss']!.toFixed(4)}`);
    }
    if (event.type === 'end') {
      session.progress.finish();
      if (!event.finished)
        session.note(`Stopped after update ${event.update}: the same command goes on.`);
      return event.finished;
    }
  }
  return false;
}

async function keep(
  out: string,
  { policy, tokenizer }: LoadedPolicy,
  report?: object,
): Promise<void> {
  await mkdir(out, { recursive: true });
  const files = {
    ...(await savePolicy(policy)),
    ...tokenizer.files,
    ...(report && { 'report.json': `${JSON.stringify(report, null, 2)}\n` }),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(out, name), content);
}

const percent = (value: number): string => (100 * value).toFixed(1).padStart(5);

function table(report: WarmStartReport, limits: Limits): string {
  const rates = Object.entries(report).filter(
    ([name, value]) =>
      typeof value === 'number' && !['nursery_version', 'seed', 'questions'].includes(name),
  ) as [string, number][];
  return rates
    .map(([name, value]) => {
      const limit = limits[name];
      const wanted = limit ? `   limits ${limit.map((x) => Math.round(100 * x)).join('–')} %` : '';
      return `${name.padEnd(24)} ${percent(value)} %${wanted}`;
    })
    .join('\n');
}
