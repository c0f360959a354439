/** One recipe on Spider: what the loop did and what it cost. */
import type { Task } from '../../src/core/data/task.ts';
import { mean } from '../../src/core/evaluate/statistics.ts';
import { parseRecipe } from '../../src/core/recipe/parse.ts';
import { presetRecipe } from '../../src/core/recipe/presets.ts';
import type { Recipe } from '../../src/core/recipe/schema.ts';
import { localRewards } from '../../src/core/reward/service.ts';
import { train } from '../../src/core/train/run.ts';
import { MemoryRunStore } from '../../src/core/train/run-store.ts';
import { startNodeBackend } from '../../src/node/backend.ts';
import { processModelOf, startingPolicy } from '../../src/node/checkpoints.ts';
import { loadData } from '../../src/node/run-inputs.ts';
import { useNodeSqlParser } from '../../src/node/sql-parser.ts';
import { nodeSqlPool } from '../../src/node/sql-pool.ts';

export interface SpiderRow {
  preset: string;
  protocol: string;
  checkpoint: string;
  /** Training questions, and those left out because the prompt is too long or the gold returns nothing. */
  tasks: number;
  left_out: number;
  unanswerable: number;
  updates: number;
  /** What ended the run early. */
  failure: string | null;
  /** Metrics that were no number in some update, by name. */
  not_numbers: string[];
  /** Means over updates of every metric that was a number. */
  metrics: Record<string, number>;
  seconds: { mean: number; max: number };
  /** Resident memory of the process in MB: at the end, at most, and growth per update over the second half. */
  memory: { end: number; peak: number; growth: number };
}

/** The preset as it is, on files, without evaluation. */
function onSpider(preset: string, updates: number): Recipe {
  const recipe = presetRecipe(preset);
  const method = recipe.method;
  return parseRecipe({
    ...recipe,
    data: { kind: 'files', format: 'spider', split: 'train' },
    eval: { ...recipe.eval, every: 0 },
    checkpoint_every: updates,
    [method]: { ...(recipe as unknown as Record<string, object>)[method], num_updates: updates },
  } as Parameters<typeof parseRecipe>[0]);
}

/** Its training questions. */
export async function spiderTasks(path: string): Promise<readonly Task[]> {
  const { data } = await loadData(onSpider('grpo', 1), [], path);
  return [...data.splits.values()].flat();
}

const megabytes = (): number => process.memoryUsage.rss() / 1e6;

/** Metrics that have no value where nothing of the kind happened. */
const MAY_BE_MISSING = /terminated_length|clip_ratio|kl/;

export async function runPreset(
  preset: string,
  { data: path, updates }: { data: string; updates: number },
): Promise<SpiderRow> {
  const { name: backend } = await startNodeBackend('wasm');
  useNodeSqlParser();
  const recipe = onSpider(preset, updates);
  const start = { ...(await startingPolicy(recipe)), ...(await processModelOf(recipe)) };
  const { data } = await loadData(recipe, [], path);
  const sql = nodeSqlPool({ size: 1, timeLimitMs: recipe.sql.timeout_ms });
  const row: SpiderRow = {
    ...{ preset, protocol: recipe.protocol, checkpoint: recipe.policy.checkpoint },
    ...{ tasks: 0, left_out: 0, unanswerable: 0, updates: 0, failure: null },
    ...{ not_numbers: [], metrics: {} },
    ...{ seconds: { mean: 0, max: 0 }, memory: { end: 0, peak: 0, growth: 0 } },
  };
  const seen = new Map<string, number[]>();
  const memory: number[] = [];
  try {
    const ports = { sql, rewards: localRewards, store: new MemoryRunStore(), backend };
    const clock = (): number => performance.now();
    for await (const event of train({ recipe, data, ...start }, { ...ports, clock })) {
      if (event.type === 'start') {
        const { tasks, left_out, unanswerable } = event;
        Object.assign(row, { tasks, left_out, unanswerable });
      }
      if (event.type !== 'update') continue;
      row.updates = event.update;
      memory.push(megabytes());
      for (const [name, value] of Object.entries(event.metrics)) {
        seen.set(name, [...(seen.get(name) ?? []), value]);
      }
      process.stderr.write(`\r${preset} ${event.update}/${updates} `);
    }
  } catch (error) {
    row.failure = error instanceof Error ? error.message : String(error);
  } finally {
    await sql.close();
  }
  process.stderr.write('\n');
  for (const [name, values] of seen) {
    const numbers = values.filter(Number.isFinite);
    if (numbers.length < values.length && !MAY_BE_MISSING.test(name)) row.not_numbers.push(name);
    if (numbers.length > 0) row.metrics[name] = mean(numbers);
  }
  const times = seen.get('step_time') ?? [0];
  row.seconds = { mean: mean(times), max: Math.max(...times) };
  const half = memory.slice(Math.floor(memory.length / 2));
  row.memory = {
    end: memory.at(-1) ?? 0,
    peak: Math.max(0, ...memory),
    growth: half.length > 1 ? (half.at(-1)! - half[0]!) / (half.length - 1) : 0,
  };
  return row;
}

const fixed = (x: number | undefined, digits: number): string =>
  x === undefined ? '–' : x.toFixed(digits).replace('-', '−');

const percent = (x: number | undefined): string => (x === undefined ? '–' : fixed(100 * x, 1));

/** `rewards/<term>/mean` of each term; a learner without rewards has its loss. */
function terms({ metrics }: SpiderRow): string {
  const found = Object.entries(metrics).flatMap(([name, value]) => {
    const term = /^rewards\/(.+)\/mean$/.exec(name)?.[1];
    return term === undefined ? [] : [`${term} ${fixed(value, 3)}`];
  });
  return found.length > 0 ? found.join(', ') : `loss ${fixed(metrics['loss'], 3)}`;
}

export function asMarkdown(rows: readonly SpiderRow[], updates: number): string {
  const failed = rows.filter(({ failure }) => failure !== null);
  const odd = rows.filter(({ not_numbers }) => not_numbers.length > 0);
  return [
    `Each preset as it is for ${updates} updates on Spider's training questions whose prompt fits its policy,`,
    'from its own warm start. The policies know only the words of the Nursery, so nearly all of what they write',
    'names tables that are not there: the table shows that every loop runs on real data, not that it learns there.',
    'Percent; reward terms are means over all episodes of all updates; a group has no signal when its episodes earn',
    'the same; growth is resident memory per update over the second half.',
    '',
    '| preset | protocol | questions (left out) | updates | reward terms | groups without a signal | does not execute | right | turns | tokens per update | s per update (longest) | MB at the end | MB growth per update |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows.map((row) => {
      const { metrics: m, seconds, memory } = row;
      const cells = [
        row.preset,
        row.protocol,
        `${row.tasks} (${row.left_out + row.unanswerable})`,
        row.updates,
        terms(row),
        percent(m['frac_reward_zero_std']),
        percent(m['sql/error']),
        percent(m['sql/ex']),
        fixed(m['turns/mean'] ?? 1, 1),
        fixed(m['num_tokens'], 0),
        `${fixed(seconds.mean, 2)} (${fixed(seconds.max, 2)})`,
        fixed(memory.end, 0),
        fixed(memory.growth, 2),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
    '',
    failed.length === 0
      ? `No run failed.`
      : failed.map(({ preset, failure }) => `- **${preset} failed**: ${failure}`).join('\n'),
    odd.length === 0
      ? 'No metric was ever other than a number.'
      : odd
          .map((r) => `- ${r.preset}: not always a number: ${r.not_numbers.join(', ')}`)
          .join('\n'),
    '',
  ].join('\n');
}
