import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  generateTasks,
  NURSERY_VERSION,
  type NurserySplit,
} from '../../core/data/nursery/index.ts';
import {
  splitProperties,
  worldProperties,
  type SplitProperties,
  type WorldProperties,
} from '../../core/data/nursery/properties.ts';
import { spiderFiles, type QuestionFile } from '../../core/data/spider-write.ts';
import type { Database, Dataset, Task } from '../../core/data/task.ts';
import { badInput } from '../../core/errors.ts';
import { loadSql } from '../../core/sql/load.ts';
import { renderSchema } from '../../core/text/prompt.ts';
import { tasksHash } from '../../core/train/data.ts';
import { checkNurserySplit, NURSERY_SPLITS } from '../run-inputs.ts';
import type { Register, Session } from './command.ts';
import { wholeNumber } from './options.ts';
import { cellText, jsonCell, percent, textTable } from './table.ts';

interface Options {
  seed: number;
  split?: string;
  questions?: number;
  samples: number;
  write?: string;
}

/** Tasks whose mutants and near misses are executed for the properties. */
const MEASURED_TASKS = 200;

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
  const generation = { seed, sql, ...(questions !== undefined && { count: questions }) };
  const generate = (name: NurserySplit): Dataset => generateTasks({ ...generation, split: name });
  if (write !== undefined) {
    const splits = split === undefined ? (['train', 'dev'] as const) : [split];
    await writeSpider(
      session,
      write,
      splits.map((name) => [name, generate(name)]),
    );
    return;
  }
  const name = split ?? 'dev';
  const { tasks, databases } = generate(name);
  const world = worldProperties(seed);
  const measured = splitProperties({ ...generation, split: name }, MEASURED_TASKS);
  const shown = tasks.slice(0, options.samples);
  session.print(
    [
      `Nursery version ${NURSERY_VERSION}, seed ${seed}`,
      textTable(worldRows(world), 'left'),
      `Split ${name}`,
      textTable(splitRows(measured), 'left'),
      ...shown.map((task) => page(task, databases.get(task.db_id)!)),
    ].join('\n\n'),
    {
      ...{ version: NURSERY_VERSION, seed, world, split: measured, sha256: tasksHash(tasks) },
      samples: shown.map((task) => ({
        ...task,
        answer: task.answer!.map((row) => row.map(jsonCell)),
        schema: databases.get(task.db_id)!.schema,
      })),
    },
  );
}

type Row = [name: string, value: string];

function worldRows(world: WorldProperties): Row[] {
  const counts = (of: Record<string, number>): string =>
    Object.entries(of)
      .map(([name, n]) => `${n} ${name}`)
      .join(', ');
  return [
    ['domains, entities', `${world.domains}, ${world.entities}`],
    ['column concepts', `${world.concepts} with ${world.columnNames} names`],
    ['words for the same', `at least ${world.fewestSynonyms}`],
    ['templates', counts(world.templates)],
    ['wordings', `${world.wordings}, at least ${world.fewestWordings} of a template`],
    ['schemas', counts(world.schemas)],
    [
      'size of a schema',
      `${world.tablesPerSchema.toFixed(1)} tables, ${world.columnsPerSchema.toFixed(1)} columns`,
    ],
    ['different training schemas', String(world.distinctTrainingSchemas)],
    ['heldout_schemas', `${world.heldOutSetsInTraining} sets of entities are in training`],
    ['', `${world.heldOutNamesNotInTraining} names are not in training`],
    ['heldout_names', `${world.unseenNamesInTraining} names are in training`],
  ];
}

function splitRows(split: SplitProperties): Row[] {
  const levels = Object.entries(split.levels);
  const [fewest, most] = [split.minAnswerRows, split.maxAnswerRows];
  const commonest = cellText(split.commonestValue);
  return [
    ['questions', `${split.tasks} on ${split.databases} databases, ${split.skills} skills`],
    ['levels', levels.map(([level, share]) => `${level} ${percent(share)}`).join(', ')],
    ['words of a question', `${split.meanQuestionWords.toFixed(1)}, ${split.vocabulary} different`],
    ['length of the gold SQL', `${split.meanSqlLength.toFixed(0)} characters`],
    ['rows of an answer', `${fewest} to ${most}`],
    ['answers that are one integer', percent(split.oneCellIntegers)],
    ['commonest value', `${commonest}, in ${percent(split.commonestShare)} of the answers`],
    ['mutants with another answer', percent(split.mutantsKilled)],
    [
      'near misses',
      `${percent(split.nearMissEx)} right by EX, ${percent(split.nearMissTs)} by TS, ` +
        `${percent(split.nearMissFailing)} fail`,
    ],
  ];
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
