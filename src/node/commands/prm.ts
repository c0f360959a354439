import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { badInput } from '../../core/errors.ts';
import { parseOptions, readAssignments } from '../../core/options.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import { answerable } from '../../core/train/answerable.ts';
import { maxCompletionLength } from '../../core/train/batches.ts';
import { localCompute } from '../../core/train/compute.ts';
import { DatabaseHashes, Prompts } from '../../core/train/context.ts';
import { Crew, type Replicas } from '../../core/train/crew.ts';
import { fits } from '../../core/train/evaluation.ts';
import {
  buildOptions,
  buildPrm,
  type BuildEvent,
  type BuildResult,
  type WorkFile,
} from '../../core/train/prm/build.ts';
import { savePrm } from '../../core/train/prm/checkpoint.ts';
import type { CollectionSummary } from '../../core/train/prm/collect.ts';
import { missedPrmLimits, PRM_LIMITS } from '../../core/train/prm/measure.ts';
import { startNodeBackend } from '../backend.ts';
import { loadNamedPolicy, warmStartPath } from '../checkpoints.ts';
import { nodeReplicas } from '../replicas.ts';
import { loadData } from '../run-inputs.ts';
import { nodeSqlPool } from '../sql-pool.ts';
import type { Register, Session } from './command.ts';
import { namedRecipe } from './named-recipe.ts';
import {
  backendOption,
  methodSetOption,
  plainOption,
  wholeNumber,
  workersOption,
} from './options.ts';
import { percent, textTable } from './table.ts';

interface Options {
  recipe?: string;
  data?: string;
  seed: number;
  set: string[];
  out?: string;
  work?: string;
  force?: true;
  backend: string;
  plain?: true;
  workers?: number;
}

/** `stepsql prm <policy>`: trains a process reward model on traces of a policy, and measures it. */
export const prm: Register = (program, session) => {
  program
    .command('prm')
    .description(
      'train a process reward model on traces of a policy, and check it can be relied on',
    )
    .argument('<policy>', 'a warm start, a checkpoint folder or a run folder')
    .option('--recipe <source>', "whose protocol and questions (default: the policy's own)")
    .option('--data <path>', 'folder or zip of the data, for recipes on files')
    .option('--seed <n>', 'seed of questions, traces and training', wholeNumber(0, 0xffffffff), 0)
    .addOption(methodSetOption('questions=600'))
    .option('--out <dir>', 'checkpoint folder (default: where recipes look for prm-<seed>)')
    .option(
      '--work <file>',
      'what is collected, to go on from (default: runs/prm-<seed>.work.jsonl)',
    )
    .option('--force', 'keep the model even if it misses its limits')
    .addOption(backendOption())
    .addOption(plainOption())
    .addOption(workersOption())
    .action((name: string, options: Options) =>
      session.interruptible((stop) => run(session, name, options, stop)),
    );
};

/** JSON lines; one that was being written when the process died is cut off. */
function workFile(path: string): WorkFile {
  return {
    async read() {
      let text: string;
      try {
        text = await readFile(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
      const whole = text.slice(0, text.lastIndexOf('\n') + 1);
      if (whole !== text) await writeFile(path, whole);
      return whole.split('\n').flatMap((line, i) => {
        if (line === '') return [];
        try {
          return [JSON.parse(line) as unknown];
        } catch {
          throw badInput(`${path}:${i + 1}`, line, 'a line of JSON');
        }
      });
    },
    async append(lines) {
      await mkdir(dirname(path), { recursive: true });
      await appendFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    },
  };
}

async function run(
  session: Session,
  name: string,
  options: Options,
  stop: AbortSignal,
): Promise<void> {
  const { seed } = options;
  const building = parseOptions(buildOptions, readAssignments(options.set), '--set');
  const recipe = await namedRecipe(name, options.recipe);
  const backend = await startNodeBackend(options.backend, options.plain);
  const replicas = nodeReplicas(options.workers, backend.name);
  session.note(`backend: ${backend.name} (${backend.reason}); protocol: ${recipe.protocol}`);
  const { policy, tokenizer } = await loadNamedPolicy(name);
  const { data } = await loadData(recipe, [recipe.eval.split], options.data);
  const sql = nodeSqlPool({
    timeLimitMs: recipe.sql.timeout_ms,
    sandbox: { date: Date.parse(recipe.sql.date), maxRows: recipe.sql.row_cap },
  });
  const out = options.out ?? warmStartPath(`prm-${seed}`);
  try {
    const context = {
      ...{ policy, tokenizer, sql, compute: localCompute(policy) },
      prompts: new Prompts(tokenizer, data.databases, recipe),
      databases: new DatabaseHashes(sql, data.databases),
    };
    const max_completion_length = maxCompletionLength(recipe);
    const tasksOf = async (split: string) => {
      const fitting = (data.splits.get(split) ?? []).filter((task) =>
        fits(context, task, { max_completion_length }),
      );
      if (fitting.length === 0) throw badInput('split', split, 'questions that fit the policy');
      return recipe.data.kind === 'files' ? answerable(fitting, context.databases, sql) : fitting;
    };
    const { protocol, turns, prompt } = recipe;
    const build = buildPrm({
      ...{ context, options: building, seed, max_completion_length, stop, protocol },
      train: await tasksOf('train'),
      heldOut: await tasksOf(recipe.eval.split),
      work: workFile(options.work ?? join('runs', `prm-${seed}.work.jsonl`)),
      identity: { turns, prompt },
      computeFor: (model, optimizer) =>
        replicas ? crew(replicas, model, optimizer) : localCompute(model),
      clock: () => performance.now(),
    });
    const result = await finish(session, build);
    if (!result) return;
    await keep(session, result, {
      name,
      out,
      recipe,
      building,
      seed,
      force: options.force === true,
    });
  } finally {
    session.progress.finish();
    await sql.close();
  }
}

const crew = (
  replicas: Replicas,
  policy: Parameters<typeof localCompute>[0],
  optimizer: { readonly steps: number },
): Crew =>
  new Crew({
    ...{ ...replicas, policy, reference: null, steps: () => optimizer.steps },
    now: () => performance.now(),
  });

/** Undefined when stopped. */
async function finish(
  session: Session,
  build: AsyncGenerator<BuildEvent, BuildResult | undefined>,
): Promise<BuildResult | undefined> {
  for (;;) {
    const next = await build.next();
    if (next.done) return next.value;
    const { done, total } = next.value;
    const what =
      next.value.type === 'train'
        ? `training steps, loss ${next.value.loss.toFixed(3)}`
        : `${next.value.part === 'train' ? 'training' : 'held-out'} questions`;
    session.progress.step(done, total, what);
  }
}

interface Kept {
  name: string;
  out: string;
  recipe: Recipe;
  building: object;
  seed: number;
  force: boolean;
}

async function keep(session: Session, result: BuildResult, kept: Kept): Promise<void> {
  const { model, ...measured } = result;
  const { out, name, recipe, building, seed, force } = kept;
  session.progress.finish();
  const missed = missedPrmLimits(measured.scores, measured.train);
  const report = {
    ...{ policy: name, protocol: recipe.protocol, held_out_split: recipe.eval.split, seed },
    ...{ limits: PRM_LIMITS, missed, options: building, calibration_of_scores: model.calibration },
    ...measured,
  };
  if (missed.length > 0 && !force) {
    session.print(describe(result), report);
    throw badInput('prm', missed, 'all limits met (keep it anyway with --force)');
  }
  await mkdir(out, { recursive: true });
  const files = {
    ...(await savePrm(model)),
    'report.json': `${JSON.stringify(report, null, 2)}\n`,
  };
  for (const [file, content] of Object.entries(files)) await writeFile(join(out, file), content);
  session.print(`${describe(result)}\n${out}`, { ...report, out });
}

function describe(result: BuildResult): string {
  const { train, left_out, calibration, held_out, scores, seconds } = result;
  const row = (part: string, summary: CollectionSummary): string[] => [
    part,
    ...[summary.tasks, summary.traces, summary.completions, summary.steps].map(String),
    String(summary.prefixes),
    ...[summary.mean_label, summary.positive_share, summary.right].map(percent),
  ];
  const titles = [
    ...['', 'questions', 'traces', 'completions', 'steps', 'prefixes'],
    ...['label', 'label ≥ ½', 'right'],
  ];
  const number = (value: number): string => value.toFixed(3);
  const rows: [string, number, string?][] = [
    ['AUC', scores.auc, `at least ${PRM_LIMITS.auc}`],
    ['AUC, labels cut at ½', scores.auc_majority],
    ['AUC, last steps', scores.auc_final],
    ['AUC, earlier steps', scores.auc_prefix],
    ['AUC within questions', scores.auc_within],
    ['AUC within questions, last steps', scores.auc_final_within],
    ['calibration error', scores.calibration_error, `at most ${PRM_LIMITS.calibration_error}`],
    ['calibration error, equal widths', scores.calibration_error_width],
    ['calibration error, uncalibrated', scores.calibration_error_raw],
    ['log loss', scores.log_loss],
    ['log loss of the mean label', scores.log_loss_constant],
  ];
  const time = Object.entries(seconds).map(([part, s]) => `${part} ${Math.round(s)} s`);
  return [
    textTable([
      titles,
      row('training', train),
      row('calibration', calibration),
      row('held out', held_out),
    ]),
    textTable([
      ['on held-out questions', '', 'limit'],
      ...rows.map(([name, value, limit]) => [name, number(value), limit ?? '']),
    ]),
    [...(left_out > 0 ? [`${left_out} all-wrong questions not trained on`] : []), ...time].join(
      ', ',
    ),
  ].join('\n\n');
}
