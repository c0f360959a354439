import { Option } from 'commander';
import { badInput } from '../../core/errors.ts';
import { parseOptions, readAssignments } from '../../core/options.ts';
import { finerOptions } from '../../core/reward/finer.ts';
import { findReward, rewards, supervise } from '../../core/reward/index.ts';
import { annotateSimilarity, readVerifiedThought } from '../../core/reward/score-memory.ts';
import { readScoreLine, scoreItems, type ScoreOptions } from '../../core/reward/score.ts';
import { addDatabases } from '../databases.ts';
import { readJsonLines } from '../json-lines.ts';
import { nodeSqlPool } from '../sql-pool.ts';
import type { Register } from './command.ts';
import { methodSetOption, timeoutOption } from './options.ts';

interface Options {
  method: string;
  db: string;
  set: string[];
  timeout: number;
  memory?: string;
  embedder: 'n-grams' | 'sentence';
}

/** Lines that run together: output appears while a long file is scored. */
const BATCH = 256;

/** What compares thoughts with those of --memory; undefined without. */
async function similarity(
  method: string,
  options: Record<string, unknown>,
  { memory: file, embedder }: Options,
): Promise<ScoreOptions['annotate']> {
  if (file === undefined) return undefined;
  if (findReward(method) !== rewards['finer']) {
    throw badInput('--memory', method, 'the method finer: no other reads thoughts');
  }
  const { thoughts } = parseOptions(finerOptions, options, 'reward.finer');
  const known = (await readJsonLines(file)).map(({ value, at }) => readVerifiedThought(value, at));
  return annotateSimilarity(known, { ...thoughts, embedder });
}

/** `stepsql score --method M --db DIR`: JSON lines of completions in, rewards out. */
export const score: Register = (program, session) => {
  program
    .command('score')
    .summary('rewards of completions, JSON lines in and out')
    .description(
      'Rewards of completions. Reads {"db_id", "question", "gold": SQL|[SQL…], "answer"?: [[…]],\n' +
        '"completion": "…"} a line and writes {"reward", "terms": {…}, "steps": […]}; reward is null, with an\n' +
        'error, where the gold itself cannot be run. For several turns give, in place of completion, "steps":\n' +
        '[text | {"kind"?: think|call|cte|answer, "text", "call"?: {"tool", "args"}, "sql"?, "value"?}, …].',
    )
    .argument('[file]', 'JSON lines; - for standard input', '-')
    .requiredOption('--method <name>', Object.keys(rewards).join(', '))
    .requiredOption('--db <dir>', 'folder or zip with <db_id>/<db_id>.sqlite or <db_id>.sqlite')
    .addOption(methodSetOption('partial=50'))
    .option(
      '--memory <file>',
      'finer: verified thoughts to compare with, JSON lines {"thought", "db_id"}',
    )
    .addOption(
      new Option('--embedder <name>', 'finer: what makes vectors of thoughts')
        .choices(['n-grams', 'sentence'])
        .default('n-grams'),
    )
    .addOption(timeoutOption(2000))
    .action(async (file: string, chosen: Options) => {
      const { method: name, db, set, timeout } = chosen;
      const method = findReward(name);
      const options = readAssignments(set);
      const reward = method.make(options);
      await method.prepare(options);
      const items = (await readJsonLines(file)).map(({ value, at }) => readScoreLine(value, at));
      for (const { task } of items) supervise(method, task);
      const annotate = await similarity(name, options, chosen);
      const scoring = { method, reward, ...(annotate && { annotate }) };
      const service = nodeSqlPool({ timeLimitMs: timeout });
      try {
        const named = items.map(({ task, at }) => ({ db_id: task.db_id, at: `${at}.db_id` }));
        const hashes = await addDatabases(service, db, named);
        for (let start = 0; start < items.length; start += BATCH) {
          const batch = items.slice(start, start + BATCH);
          const hashOf = ({ task }: (typeof items)[0]) => hashes.get(task.db_id)!;
          for (const line of await scoreItems(batch, hashOf, service, scoring)) {
            session.io.stdout.write(`${JSON.stringify(line)}\n`);
          }
        }
      } finally {
        await service.close();
      }
    });
};
