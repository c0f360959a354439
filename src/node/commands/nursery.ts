import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  generateTasks,
  NURSERY_VERSION,
  type NurserySplit,
} from '../../core/data/nursery/index.ts';
import { spiderFiles, type QuestionFile } from '../../core/data/spider-write.ts';
import type { Database, Dataset, Task } from '../../core/data/task.ts';
import { badInput } from '../../core/errors.ts';
import { loadSql } from '../../core/sql/load.ts';
import { renderSchema } from '../../core/text/prompt.ts';
import { tasksHash } from '../../core/train/data.ts';
import { checkNurserySplit, NURSERY_SPLITS } from '../run-inputs.ts';
import type { Register, Session } from './command.ts';
import { wholeNumber } from './options.ts';
import { cellText, jsonCell } from './table.ts';

interface Options {
  seed: number;
  split?: string;
  questions?: number;
  samples: number;
  write?: string;
}

/** `stepsql nursery`: what the generator makes, and its tasks as files. */
export const nursery: Register = (program, session) => {
  program
    .command('nursery')
    .description('show the generated text-to-SQL problems, or write them as files')
    .option('--seed <n>', 'seed of the generator', wholeNumber(0, 0xffffffff), 0)
    .option('--split <name>', `${NURSERY_SPLITS.join(', ')} (default: dev)`)
    .option('--questions <n>', 'questions to generate', wholeNumber(1, 1_000_000))
    .option('--samples <n>', 'questions to show', wholeNumber(0, 1000), 12)
    .option('--write <dir>', "write them in Spider's file layout (default: train and dev)")
    .action((options: Options) => run(session, options));
};

async function run(session: Session, options: Options): Promise<void> {
  const { seed, questions, write } = options;
  const split = options.split === undefined ? undefined : checkNurserySplit(options.split);
  if (write !== undefined) await checkEmpty(write);
  const sql = await loadSql();
  const generate = (name: NurserySplit): Dataset =>
    generateTasks({ seed, split: name, sql, ...(questions !== undefined && { count: questions }) });
  if (write !== undefined) {
    const splits = split === undefined ? (['train', 'dev'] as const) : [split];
    await writeSpider(
      session,
      write,
      splits.map((name) => [name, generate(name)]),
    );
    return;
  }
  const dataset = generate(split ?? 'dev');
  const { tasks, databases } = dataset;
  const shown = tasks.slice(0, options.samples);
  const levels = count(tasks.map(({ difficulty }) => difficulty!));
  const head = [
    `${dataset.name}: version ${NURSERY_VERSION}, seed ${seed}`,
    `${tasks.length} questions on ${databases.size} databases: ` +
      Object.entries(levels)
        .map(([level, n]) => `${n} ${level}`)
        .join(', '),
  ];
  session.print(
    [head.join('\n'), ...shown.map((task) => page(task, databases.get(task.db_id)!))].join('\n\n'),
    {
      ...{ dataset: dataset.name, version: NURSERY_VERSION, seed },
      ...{ questions: tasks.length, databases: databases.size, levels, sha256: tasksHash(tasks) },
      samples: shown.map((task) => ({
        ...task,
        answer: task.answer!.map((row) => row.map(jsonCell)),
        schema: databases.get(task.db_id)!.schema,
      })),
    },
  );
}

const LEVEL_ORDER = ['easy', 'medium', 'hard', 'extra'];

function count(levels: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    LEVEL_ORDER.map((level) => [level, levels.filter((each) => each === level).length]),
  );
}

const ANSWER_ROWS = 5;

function page({ id, difficulty, skill, question, gold, answer, db_id }: Task, database: Database) {
  const rows = answer!.slice(0, ANSWER_ROWS).map((row) => row.map(cellText).join(', '));
  const more = answer!.length > ANSWER_ROWS ? ` | … (${answer!.length} rows)` : '';
  return [
    `${id}  ${difficulty}, skill ${skill}, database ${db_id}`,
    renderSchema(database.schema, { style: 'compact' }),
    `  question  ${question}`,
    `  gold      ${gold![0]}`,
    `  answer    ${rows.join(' | ')}${more}`,
  ].join('\n');
}

async function checkEmpty(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw badInput('--write', folder, 'a new or empty folder');
  });
  if (entries.length > 0) throw badInput('--write', folder, 'a new or empty folder');
}

/** Spider's own file names, from which importers tell the split. */
const fileOf = (split: NurserySplit): string =>
  split === 'train' ? 'train_spider.json' : 'dev.json';

/** Writes beside `folder` and renames: all files or none. */
async function writeSpider(
  session: Session,
  folder: string,
  datasets: readonly [NurserySplit, Dataset][],
): Promise<void> {
  const target = resolve(folder);
  const temporary = join(dirname(target), `.${basename(target)}.tmp`);
  const files: QuestionFile[] = datasets.map(([split, { tasks }]) => ({
    name: fileOf(split),
    tasks,
  }));
  const databases = new Map(datasets.flatMap(([, dataset]) => [...dataset.databases]));
  let written = 0;
  try {
    await rm(temporary, { recursive: true, force: true });
    for await (const [path, content] of spiderFiles(files, databases)) {
      const place = join(temporary, path);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, content);
      written++;
    }
    await rm(target, { recursive: true, force: true }); // empty, as checked
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  const questions = Object.fromEntries(files.map(({ name, tasks }) => [name, tasks.length]));
  const told = Object.entries(questions).map(([name, n]) => `${n} questions in ${name}`);
  session.print(`${folder}: ${told.join(', ')}, ${databases.size} databases`, {
    ...{ folder, questions, databases: databases.size, files: written },
  });
}
