import { badInput } from '../../core/errors.ts';
import type { Task } from '../../core/data/task.ts';
import type { Episode } from '../../core/episode/episode.ts';
import type { Accuracy } from '../../core/evaluate/metrics.ts';
import { wilsonInterval } from '../../core/evaluate/statistics.ts';
import { localCompute } from '../../core/train/compute.ts';
import { DatabaseHashes, Prompts } from '../../core/train/context.ts';
import { tasksHash } from '../../core/train/data.ts';
import {
  evaluateGreedy,
  evaluateSampled,
  fits,
  type GreedyResult,
  type SampledResult,
  type SampledScores,
} from '../../core/train/evaluation.ts';
import { maxCompletionLength } from '../../core/train/batches.ts';
import { startNodeBackend } from '../backend.ts';
import { loadNamedPolicy, loadPrm } from '../checkpoints.ts';
import { loadEvaluation } from '../run-inputs.ts';
import { nodeSqlPool } from '../sql-pool.ts';
import type { Register, Session } from './command.ts';
import { chooseByModel, chosenTables, type Chosen } from './eval-choice.ts';
import { namedRecipe } from './named-recipe.ts';
import { backendOption, plainOption, wholeNumber } from './options.ts';
import { percent, textTable } from './table.ts';

interface Options {
  split?: string;
  data?: string;
  recipe?: string;
  samples?: number;
  bestOf?: number;
  guided?: number;
  beam: number;
  prm?: string;
  questions?: number;
  seed: number;
  backend: string;
  plain?: true;
  items?: true;
}

/** Prompts decoded together. */
const BATCH = 64;

/** `stepsql eval <checkpoint | run>`: how good a policy is on a split. */
export const evalPolicy: Register = (program, session) => {
  program
    .command('eval')
    .description('measure a policy on a split: greedy, and with --samples by samples')
    .argument('<checkpoint>', 'warm, warm-<seed>, a checkpoint folder or a run folder')
    .option(
      '--split <name>',
      'default: dev; of files, what the run kept from training, or all questions',
    )
    .option('--data <path>', 'folder or zip of Spider, BIRD or question-answer files')
    .option('--recipe <source>', "whose protocol and questions (default: the policy's own)")
    .option(
      '--samples <k>',
      'also draw k samples of each question, at temperature 1',
      wholeNumber(2, 256),
    )
    .option('--best-of <n>', 'choose among n samples of each question', wholeNumber(2, 256))
    .option(
      '--guided <n>',
      'with --prm: search step by step, n tries of each step',
      wholeNumber(2, 256),
    )
    .option('--beam <k>', '--guided: beginnings kept after each step', wholeNumber(1, 256), 1)
    .option('--prm <dir>', 'process reward model that chooses: prm, prm-<seed> or its folder')
    .option('--questions <n>', 'only the first n questions', wholeNumber(1, 1_000_000))
    .option('--seed <n>', 'seed of the samples', wholeNumber(0, 0xffffffff), 0)
    .addOption(backendOption())
    .addOption(plainOption())
    .option('--items', 'with --json: every question with its SQL and verdict too')
    .action((name: string, options: Options) => run(session, name, options));
};

async function run(session: Session, name: string, options: Options): Promise<void> {
  const recipe = await namedRecipe(name, options.recipe);
  const backend = await startNodeBackend(options.backend, options.plain);
  const { policy, tokenizer } = await loadNamedPolicy(name);
  const model = options.prm === undefined ? undefined : await loadPrm(options.prm);
  if (options.guided !== undefined && !model) {
    throw badInput('--guided', options.guided, '--prm too: a model that says which step is best');
  }
  const dataset = await loadEvaluation(recipe, options.split, options.data);
  const tasks = dataset.tasks.slice(0, options.questions);
  const sql = nodeSqlPool({
    timeLimitMs: recipe.sql.timeout_ms,
    sandbox: { date: Date.parse(recipe.sql.date), maxRows: recipe.sql.row_cap },
  });
  const context = {
    ...{ policy, compute: localCompute(policy), tokenizer, sql },
    prompts: new Prompts(tokenizer, dataset.databases, recipe),
    databases: new DatabaseHashes(sql, dataset.databases),
  };
  const measure = {
    max_completion_length: maxCompletionLength(recipe),
    batch_size: BATCH,
    test_suite: true,
  };
  const k = options.bestOf ?? options.samples;
  const rounds = 1 + Number(k !== undefined) + Number(options.guided !== undefined);
  const total = tasks.length * rounds;
  const step = (done: number): void => session.progress.step(done, total, 'questions');
  let greedy: GreedyResult;
  let sampled: SampledResult | undefined;
  let chosen: Chosen = {};
  try {
    greedy = await evaluateGreedy(context, tasks, measure, step);
    if (k !== undefined) {
      const sampling = {
        ...measure,
        test_suite: false,
        batch_size: batchFor(k),
        k,
        seed: options.seed,
      };
      sampled = await evaluateSampled(context, tasks, sampling, (done) =>
        step(tasks.length + done),
      );
    }
    chosen = await chooseByModel(context, tasks, sampled, {
      ...{ bestOf: options.bestOf, guided: options.guided, beam: options.beam, seed: options.seed },
      ...{ model, max_completion_length: measure.max_completion_length },
      onStep: (done) => step((rounds - 1) * tasks.length + done),
    });
  } finally {
    session.progress.finish();
    await sql.close();
  }
  const unfit = tasks.filter((task) => !fits(context, task, measure)).length;
  const { low, high } = wilsonInterval(Math.round(greedy.all.ex * tasks.length), tasks.length);
  const { all, by_difficulty, tools } = greedy;
  const { groups, ...scores } = sampled ?? { groups: undefined };
  const title = `${name} on ${dataset.name}, ${tasks.length} questions (${backend.name})`;
  const notes = [`EX ${percent(all.ex)}, 95 % interval ${percent(low)} to ${percent(high)}`];
  if (tools) {
    const { calls, wasted, recall } = tools;
    const made = Number.isNaN(recall) ? '' : `; ${percent(recall)} of the needed ones made`;
    notes.push(`${calls.toFixed(2)} calls a question, ${wasted.toFixed(2)} wasted${made}`);
  }
  if (unfit > 0) notes.push(`${unfit} prompts too long for the policy, counted as wrong`);
  session.print(
    [
      title,
      scoreTable('greedy', GREEDY_ROWS, by_difficulty, all),
      ...(sampled
        ? [scoreTable(`${k} samples`, sampledRows(k!), sampled.by_difficulty, sampled)]
        : []),
      ...chosenTables(chosen),
      notes.join('\n'),
    ].join('\n\n'),
    {
      ...{ checkpoint: name, backend: backend.name, dataset: dataset.name },
      ...{ tasks_sha256: tasksHash(tasks), questions: tasks.length, prompts_too_long: unfit },
      greedy: { ...all, ex_interval: [low, high], by_difficulty, ...(tools && { tools }) },
      ...(sampled && { sampled: { k, seed: options.seed, temperature: 1, ...scores } }),
      ...chosen,
      ...(options.items && {
        items: tasks.map((task, i) => item(task, greedy.episodes[i]!, groups?.[i])),
      }),
    },
  );
}

/** Questions decoded together when each has k samples: as many sequences as in greedy decoding. */
const batchFor = (k: number): number => Math.max(1, Math.floor((4 * BATCH) / k));

type ScoreRow<S> = [name: string, value: (scores: S) => number | undefined];

const GREEDY_ROWS: ScoreRow<Accuracy>[] = [
  ['EX', ({ ex }) => ex],
  ['TS', ({ ts }) => ts],
  ['Soft F1', ({ soft_f1 }) => soft_f1],
  ['failing SQL', ({ error_rate }) => error_rate],
  ['empty results', ({ empty_rate }) => empty_rate],
  ['over-broad results', ({ over_broad_rate }) => over_broad_rate],
];

const sampledRows = (k: number): ScoreRow<SampledScores>[] => [
  ['pass@1', ({ pass_at_1 }) => pass_at_1],
  [`pass@${k}`, ({ pass_at_k }) => pass_at_k],
  [`maj@${k}`, ({ majority_at_k }) => majority_at_k],
  [`vav@${k}`, ({ value_aware_at_k }) => value_aware_at_k],
  ['all-wrong groups', ({ all_wrong }) => all_wrong],
  ['all-right groups', ({ all_right }) => all_right],
  ['failing SQL', ({ error_rate }) => error_rate],
];

/** As Spider and BIRD order them; others follow as they come. */
const DIFFICULTIES = ['easy', 'medium', 'hard', 'extra', 'simple', 'moderate', 'challenging'];

/** Metrics down, difficulties across, in per cent. */
function scoreTable<S extends { count: number }>(
  title: string,
  rows: readonly ScoreRow<S>[],
  byDifficulty: Record<string, S>,
  all: S,
): string {
  const levels = new Set([...DIFFICULTIES, ...Object.keys(byDifficulty)]);
  const columns = [...levels].filter((level) => byDifficulty[level] !== undefined);
  const scores = [...columns.map((level) => byDifficulty[level]!), all];
  const shown = rows.filter(([, value]) => value(all) !== undefined);
  return textTable([
    [title, ...columns, 'all'],
    ['questions', ...scores.map(({ count }) => String(count))],
    ...shown.map(([name, value]) => [
      name,
      ...scores.map((each) => (100 * (value(each) ?? 0)).toFixed(1)),
    ]),
  ]);
}

/** One question for --items. */
function item(task: Task, greedy: Episode, samples?: readonly Episode[]): object {
  const verdict = (episode: Episode): object => {
    const { sql, outcome, comparison } = episode.steps.at(-1)!;
    return {
      sql,
      outcome: outcome?.kind,
      ...(outcome?.kind === 'error' && { error: outcome.message }),
      ex: comparison?.bird ?? false,
      ...(comparison?.testSuite !== undefined && { ts: comparison.testSuite }),
      soft_f1: comparison?.softF1 ?? 0,
    };
  };
  const { id, db_id, question, difficulty, gold } = task;
  return {
    ...{ id, db_id, question, difficulty, gold },
    ...verdict(greedy),
    ...(samples && { samples: samples.map(verdict) }),
  };
}
