import { Option } from 'commander';
import { badInput } from '../../core/errors.ts';
import {
  evaluatePredictions,
  METRICS,
  type Evaluation,
  type Metric,
  type Scores,
} from '../../core/evaluate/evaluate.ts';
import { parseGold, parsePredictions, type OfficialFormat } from '../../core/evaluate/official.ts';
import { openDatabases } from '../databases.ts';
import { readInput } from '../json-lines.ts';
import { nodeSqlPool } from '../sql-pool.ts';
import type { Register } from './command.ts';
import { runsOption, timeoutOption } from './options.ts';

interface Options {
  gold: string;
  pred: string;
  db: string;
  metric: string;
  format?: OfficialFormat;
  keepDistinct?: true;
  runs: number;
  timeout: number;
  items?: true;
}

/** Whole results are compared, as the official scripts do, not only what training would look at. */
const SANDBOX = {
  maxRows: 1_000_000,
  maxCells: 20_000_000,
  maxBytes: 256 << 20,
  heapLimit: 1 << 30,
};

/** `stepsql evaluate`: predictions against gold, in the official Spider and BIRD file formats. */
export const evaluate: Register = (program, session) => {
  program
    .command('evaluate')
    .description('score predicted SQL with the metrics of Spider and BIRD')
    .requiredOption('--gold <file>', "lines 'SQL<tab>db_id', or dev.json of Spider or BIRD")
    .requiredOption('--pred <file>', "one SQL a line (Spider), or BIRD's JSON")
    .requiredOption('--db <dir>', 'folder or zip with <db_id>/<db_id>.sqlite')
    .option('--metric <list>', `some of ${METRICS.join(',')}`, 'ex')
    .addOption(
      new Option('--format <name>', 'whose ex (default: bird for JSON predictions)').choices([
        'spider',
        'bird',
      ]),
    )
    .option('--keep-distinct', "leave DISTINCT in queries for Spider's metrics")
    .addOption(runsOption())
    .addOption(timeoutOption(30_000))
    .option('--items', 'with --json: the verdict on every question too')
    .action(async (options: Options) => {
      const metrics = readMetrics(options.metric);
      const gold = parseGold(await readInput(options.gold, '--gold'), options.gold);
      if (gold.length === 0) throw badInput('--gold', options.gold, 'at least one question');
      const prediction = await readInput(options.pred, '--pred');
      const { format, sql } = parsePredictions(prediction, options.pred, gold);
      const databases = await openDatabases(options.db);
      const service = nodeSqlPool({
        timeLimitMs: options.timeout,
        sandbox: SANDBOX,
        ...(metrics.includes('ves') && { size: 1 }), // queries side by side would time each other
      });
      try {
        const evaluation = await evaluatePredictions(service, databases, gold, sql, {
          metrics,
          format: options.format ?? format,
          keepDistinct: options.keepDistinct === true,
          runs: options.runs,
          onProgress: (done, total) => session.progress.step(done, total, 'questions'),
        });
        session.progress.finish();
        const { items, ...summary } = evaluation;
        session.print(table(evaluation), options.items ? { ...summary, items } : summary);
      } finally {
        await service.close();
      }
    });
};

function readMetrics(list: string): Metric[] {
  return list.split(',').map((name) => {
    const metric = METRICS.find((known) => known === name.trim().toLowerCase());
    if (!metric) throw badInput('--metric', name, `some of ${METRICS.join(', ')}`);
    return metric;
  });
}

const ROWS: [keyof Scores, string][] = [
  ['ex', 'EX'],
  ['ts', 'TS'],
  ['ves', 'R-VES'],
  ['soft_f1', 'Soft F1'],
  ['error_rate', 'failing SQL'],
  ['empty_rate', 'empty results'],
  ['over_broad_rate', 'over-broad results'],
];

/** Metrics down, difficulties across, in per cent as the official scripts print them. */
function table(evaluation: Evaluation): string {
  const columns: [string, Scores][] = [
    ...Object.entries(evaluation.by_difficulty),
    ['all', evaluation],
  ];
  const line = (name: string, cells: string[]) =>
    `${name.padEnd(20)}${cells.map((cell) => cell.padStart(13)).join('')}\n`;
  let text = line(
    evaluation.format === 'bird' ? 'BIRD' : 'Spider',
    columns.map(([name]) => name),
  );
  text += line(
    'count',
    columns.map(([, scores]) => String(scores.count)),
  );
  for (const [key, name] of ROWS) {
    if (evaluation[key] === undefined) continue;
    text += line(
      name,
      columns.map(([, scores]) => ((scores[key] ?? 0) * 100).toFixed(2)),
    );
  }
  for (const { at, gold_error } of evaluation.items) {
    if (gold_error !== undefined) text += `${at}: ${gold_error}; counted as wrong\n`;
  }
  return text.trimEnd();
}
