import { InvalidArgumentError } from 'commander';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Schema } from '../../core/data/task.ts';
import { badInput } from '../../core/errors.ts';
import type { Candidate } from '../../core/evaluate/ballot.ts';
import { readSchema } from '../../core/sql/inspect.ts';
import { loadSql } from '../../core/sql/load.ts';
import type { Outcome } from '../../core/sql/outcome.ts';
import { renderSchema } from '../../core/text/prompt.ts';
import { ask as askPolicy } from '../../core/train/ask.ts';
import { startNodeBackend } from '../backend.ts';
import { loadNamedPolicy, PUBLIC } from '../checkpoints.ts';
import { nodeSqlPool } from '../sql-pool.ts';
import type { Register, Session } from './command.ts';
import { namedRecipe } from './named-recipe.ts';
import { backendOption, plainOption, timeoutOption, wholeNumber } from './options.ts';
import { cellText, jsonCell, printable, resultTable } from './table.ts';

interface Options {
  db?: string;
  samples: number;
  temperature: number;
  seed: number;
  timeout: number;
  backend: string;
  plain?: true;
}

/** The database in the box, and questions about it in the question-answer format. */
const BUNDLED = join(PUBLIC, 'databases/music.sqlite');
const EXAMPLES = join(PUBLIC, 'databases/questions.json');

/** `stepsql ask [checkpoint] "question"`: SQL for a question, and what it finds. */
export const ask: Register = (program, session) => {
  program
    .command('ask')
    .summary('ask a question about a database')
    .description(
      'Asks a policy for SQL that answers a question, runs it and shows what it finds.\n' +
        'Without a question: shows the schema of the database.',
    )
    .usage('[options] [checkpoint] "question"')
    .argument('[words...]', 'warm (the default), warm-<seed>, a checkpoint or run; the question')
    .option('--db <file>', 'SQLite file (default: a small music database in the box)')
    .option('--samples <n>', 'draw n samples and let their results vote', wholeNumber(1, 256), 1)
    .option('--temperature <t>', 'of the samples', temperature, 1)
    .option('--seed <n>', 'seed of the samples', wholeNumber(0, 0xffffffff), 0)
    .addOption(timeoutOption(2000))
    .addOption(backendOption())
    .addOption(plainOption())
    .action((words: string[], options: Options) => run(session, words, options));
};

function temperature(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0.01 && value <= 10) return value;
  throw new InvalidArgumentError('expected a number from 0.01 to 10');
}

async function run(session: Session, words: readonly string[], options: Options): Promise<void> {
  if (words.length > 2) {
    throw badInput('question', words.join(' '), 'a question in quotes, after at most a checkpoint');
  }
  const path = options.db ?? BUNDLED;
  const bytes = await readFile(path).catch((error: Error) => {
    throw badInput('--db', path, `a SQLite file that can be read (${error.message})`);
  });
  const schema = await readSchema(await loadSql(), bytes);
  const question = words.at(-1);
  if (question === undefined) {
    await describe(session, path, schema);
    return;
  }
  const name = words.length === 2 ? words[0]! : 'warm';
  const recipe = await namedRecipe(name);
  await startNodeBackend(options.backend, options.plain);
  const policy = await loadNamedPolicy(name);
  const sql = nodeSqlPool({ size: 1, timeLimitMs: options.timeout });
  try {
    const database = {
      ...{ db_id: basename(path), schema, variants: [] },
      bytes: () => Promise.resolve(bytes),
    };
    const candidates = await askPolicy({ ...policy, recipe }, sql, database, question, options);
    session.print(
      options.samples === 1 ? answer(candidates[0]!) : poll(candidates, options.samples),
      {
        ...{ checkpoint: name, db: path, question },
        ...(options.samples > 1 && { seed: options.seed, temperature: options.temperature }),
        candidates: candidates.map((candidate) => ({
          ...candidate,
          outcome: jsonOutcome(candidate.outcome),
        })),
      },
    );
  } finally {
    await sql.close();
  }
}

/** What there is to ask about. */
async function describe(session: Session, path: string, schema: Schema): Promise<void> {
  const tables = renderSchema(schema, { style: 'compact' });
  const examples =
    path === BUNDLED
      ? (JSON.parse(await readFile(EXAMPLES, 'utf8')) as { question: string }[])
      : [];
  const questions = examples.map(({ question }) => question);
  const lines = [`${basename(path)}`, tables];
  if (questions.length > 0) lines.push('', 'Ask for example:', ...questions.map((q) => `  ${q}`));
  session.print(lines.join('\n'), { db: path, schema, questions });
}

/** What went wrong, or undefined. */
function failure(outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case 'rows':
      return undefined;
    case 'error':
      return `fails: ${printable(outcome.message)}`;
    case 'timeout':
      return `stopped after ${outcome.limitMs} ms`;
    case 'refused':
      return `refused: ${printable(outcome.reason)}`;
  }
}

function resultOf(outcome: Outcome): string {
  if (outcome.kind !== 'rows') return failure(outcome)!;
  return resultTable(outcome.columns, outcome.rows, outcome.rowCount, outcome.truncated);
}

const answer = ({ sql, outcome }: Candidate): string =>
  `${sql === '' ? '(no SQL)' : printable(sql)}\n\n${resultOf(outcome)}`;

/** The result on one line. */
function summary(outcome: Outcome): string {
  if (outcome.kind !== 'rows') return failure(outcome)!;
  if (outcome.rowCount === 0) return 'finds nothing';
  const first = outcome.rows.slice(0, 3).map((row) => row.map(cellText).join(', '));
  return `${first.join(' | ')}${outcome.rowCount > 3 ? ` | … (${outcome.rowCount} rows)` : ''}`;
}

/** The winner with its table, then the others. */
function poll(candidates: readonly Candidate[], samples: number): string {
  const lines = candidates.flatMap(({ sql, samples: count, votes, outcome }) => [
    `${votes} of ${samples} votes${count > 1 ? `, written ${count} times` : ''}: ${printable(sql)}`,
    `    ${summary(outcome)}`,
  ]);
  const [first] = candidates;
  const winner = first!.votes > 0 ? answer(first!) : 'No sample finds anything.';
  return `${winner}\n\n${lines.join('\n')}`;
}

function jsonOutcome(outcome: Outcome): object {
  if (outcome.kind !== 'rows') return outcome;
  return { ...outcome, rows: outcome.rows.map((row) => row.map(jsonCell)) };
}
