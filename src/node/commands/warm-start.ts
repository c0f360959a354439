import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput } from '../../core/errors.ts';
import { loadPolicy, savePolicy } from '../../core/model/checkpoint.ts';
import { localRewards } from '../../core/reward/service.ts';
import { MemoryRunStore } from '../../core/train/run-store.ts';
import { localCompute } from '../../core/train/compute.ts';
import { DatabaseHashes, Prompts } from '../../core/train/context.ts';
import { train } from '../../core/train/run.ts';
import {
  ACCEPTANCE,
  corpusOf,
  measureWarmStart,
  missedLimits,
  sharpen,
  warmStartRecipe,
  type WarmStartReport,
} from '../../core/train/warm-start.ts';
import { startNodeBackend } from '../backend.ts';
import { startingPolicy, warmStartPath } from '../checkpoints.ts';
import { loadData } from '../run-inputs.ts';
import { nodeSqlPool } from '../sql-pool.ts';
import { backendOption, plainOption, wholeNumber } from './options.ts';
import type { Register, Session } from './command.ts';

interface Options {
  seed: number;
  updates: number;
  questions: number;
  out?: string;
  backend: string;
  plain?: true;
  force?: true;
}

/** `stepsql warm-start`: makes the policy that reinforcement learning starts from, and measures it. */
export const warmStart: Register = (program, session) => {
  program
    .command('warm-start')
    .description('train the small policy with planted errors and check it is worth training on')
    .option('--seed <n>', 'seed of weights, corpus and habits', wholeNumber(0, 0xffffffff), 0)
    .option('--updates <n>', 'SFT updates', wholeNumber(1, 1_000_000), 4500)
    .option('--questions <n>', 'dev questions to measure on', wholeNumber(1, 1000), 1000)
    .option('--out <dir>', 'checkpoint folder (default: where recipes look for warm-<seed>)')
    .option('--force', 'keep the checkpoint even if it misses its limits')
    .addOption(backendOption())
    .addOption(plainOption())
    .action((options: Options) => session.interruptible((stop) => make(session, options, stop)));
};

async function make(session: Session, options: Options, stop: AbortSignal): Promise<void> {
  const { seed } = options;
  const recipe = warmStartRecipe(seed, options.updates);
  const backend = await startNodeBackend(options.backend, options.plain);
  session.note(`backend: ${backend.name} (${backend.reason})`);
  const { data } = await loadData(recipe, ['dev', 'tuning']);
  const { policy, tokenizer } = await startingPolicy(recipe);
  session.note(`${policy.parameterCount()} parameters, ${tokenizer.vocabSize} tokens`);
  const sql = nodeSqlPool();
  const store = new MemoryRunStore();
  try {
    const clock = (): number => performance.now();
    const inputs = { recipe, data, policy, tokenizer, corpus: corpusOf(recipe)! };
    const ports = { sql, rewards: localRewards, store, clock, stop, backend: backend.name };
    for await (const event of train(inputs, ports)) {
      if (event.type === 'update' && event.update % 100 === 0) {
        const loss = `loss ${event.metrics['loss']!.toFixed(4)}`;
        session.progress.step(event.update, options.updates, loss);
      }
      if (event.type === 'end' && !event.finished) return;
    }
    session.progress.finish();
    const { files } = (await store.latestCheckpoint())!;
    const trained = loadPolicy(files);
    const tasks = data.splits.get('dev')!.slice(0, options.questions);
    const context = {
      ...{ policy: trained, compute: localCompute(trained), tokenizer, sql },
      prompts: new Prompts(tokenizer, data.databases, recipe),
      databases: new DatabaseHashes(sql, data.databases),
    };
    const measure = { max_completion_length: 96, batch_size: 64, test_suite: false, seed };
    const tuning = data.splits.get('tuning')!;
    session.note('sharpening on tuning questions');
    const factors = await sharpen(context, tuning, measure);
    const report = await measureWarmStart(context, tasks, measure, (done) =>
      session.progress.step(done, 2 * tasks.length, 'questions measured'),
    );
    session.progress.finish();
    const missed = missedLimits(report);
    if (missed.length > 0 && !options.force) {
      session.print(table(report), { ...report, missed });
      throw badInput('warm start', missed, 'all limits met (keep it anyway with --force)');
    }
    const out = options.out ?? warmStartPath(`warm-${seed}`);
    await mkdir(out, { recursive: true });
    const kept = {
      ...(await savePolicy(trained)),
      ...tokenizer.files,
      'report.json': json({ ...report, ...factors }),
    };
    for (const [name, content] of Object.entries(kept)) await writeFile(join(out, name), content);
    session.print(`${table(report)}\n${out}`, { ...report, missed, out });
  } finally {
    await sql.close();
  }
}

const json = (report: object): string => `${JSON.stringify(report, null, 2)}\n`;

function table(report: WarmStartReport): string {
  const rows: [string, number, readonly [number, number]][] = [
    ['greedy', report.greedy, ACCEPTANCE.greedy],
    ['pass@1, T = 1', report.pass_at_1, ACCEPTANCE.pass_at_1],
    ['pass@8', report.pass_at_8, ACCEPTANCE.pass_at_8],
    ['all-wrong groups', report.all_wrong, ACCEPTANCE.all_wrong],
    ['all-right groups', report.all_right, ACCEPTANCE.all_right],
    ['failing SQL', report.failing, ACCEPTANCE.failing],
    ...Object.entries(report.levels).map(
      ([level, ex]): [string, number, readonly [number, number]] => [
        `greedy, ${level}`,
        ex,
        ACCEPTANCE.level,
      ],
    ),
  ];
  return rows
    .map(
      ([name, value, [low, high]]) =>
        `${name.padEnd(18)} ${(100 * value).toFixed(1).padStart(5)} %   limits ${Math.round(100 * low)}–${Math.round(100 * high)} %`,
    )
    .join('\n');
}
