/** Predicted SQL against gold SQL on real databases, by the benchmarks' metrics. */
import { badInput } from '../errors.ts';
import { removeDistinct } from '../sql/guard.ts';
import type { Outcome, QueryResult, SqlService } from '../sql/outcome.ts';
import { accuracy, type Judged } from './metrics.ts';
import type { GoldItem, OfficialFormat } from './official.ts';
import { mean } from './statistics.ts';
import { rVes } from './ves.ts';

export const METRICS = ['ex', 'ts', 'ves', 'soft-f1'] as const;
export type Metric = (typeof METRICS)[number];

export interface DatabaseFiles {
  bytes(): Promise<Uint8Array>;
  /** Test-suite variants: same schema, other rows. */
  variants: readonly (() => Promise<Uint8Array>)[];
}

export interface EvaluateOptions {
  metrics: readonly Metric[];
  /**
   * Whose execution accuracy `ex` is. BIRD compares sets of rows; Spider bags, in order where the gold
   * orders, columns in any order, after taking DISTINCT out of both queries. `ts` is always Spider's,
   * `soft-f1` and `ves` are always BIRD's.
   */
  format: OfficialFormat;
  /** Spider: leave DISTINCT in (`--keep_distinct` of the official script). */
  keepDistinct?: boolean;
  /** R-VES: runs of each right prediction and its gold. The official script's 100 by default. */
  runs?: number;
  onProgress?: (done: number, total: number) => void;
}

/** The verdict on one prediction; metrics that were not asked for are absent. */
export interface EvaluatedItem {
  at: string;
  db_id: string;
  difficulty?: string;
  /** How the prediction ended; `none` where nothing was predicted. */
  outcome: Outcome['kind'] | 'none';
  ex?: boolean;
  ts?: boolean;
  soft_f1?: number;
  /** √credit of R-VES, 0 for a wrong prediction. */
  ves?: number;
  error?: string;
  /** Why the gold could not serve, a fault of the data: the prediction counts as wrong. */
  gold_error?: string;
}

/** Means over questions, fractions. */
export interface Scores {
  count: number;
  ex?: number;
  ts?: number;
  soft_f1?: number;
  ves?: number;
  error_rate: number;
  empty_rate: number;
  over_broad_rate: number;
}

export interface Evaluation extends Scores {
  format: OfficialFormat;
  gold_errors: number;
  by_difficulty: Record<string, Scores>;
  items: EvaluatedItem[];
}

interface Question {
  gold: GoldItem;
  predicted: string;
  database: string;
  variants: string[];
}

interface Scored {
  item: EvaluatedItem;
  judged: Judged;
}

const BATCH = 64;

/** The spaces that models put into operators, as Spider's evaluator takes them out. */
const joinOperators = (sql: string): string =>
  sql.replaceAll('> =', '>=').replaceAll('< =', '<=').replaceAll('! =', '!=');

class Evaluator {
  readonly #service: SqlService;
  readonly #options: EvaluateOptions;
  readonly #asks: (metric: Metric) => boolean;

  constructor(service: SqlService, options: EvaluateOptions) {
    this.#service = service;
    this.#options = options;
    this.#asks = (metric) => options.metrics.includes(metric);
  }

  async score(questions: readonly Question[]): Promise<Scored[]> {
    const { format } = this.#options;
    const asks = this.#asks;
    const needsBird = format === 'bird' || asks('soft-f1') || asks('ves');
    const needsSpider = format === 'spider' || asks('ts');
    const bird = needsBird ? await this.#runBird(questions) : [];
    const spider = needsSpider ? await this.#runSpider(questions) : [];
    const scored: Scored[] = [];
    for (const [i, question] of questions.entries()) {
      const result = (format === 'bird' ? bird : spider)[i]!;
      const { gold, predicted } = question;
      const { difficulty } = gold;
      const suite = spider[i]?.comparison;
      const error = describe(result.outcome);
      const goldError = result.goldError ?? spider[i]?.goldError;
      const item: EvaluatedItem = {
        at: gold.at,
        db_id: gold.db_id,
        ...(difficulty !== undefined && { difficulty }),
        outcome: predicted === '' ? 'none' : result.outcome.kind,
        ...(asks('ex') && { ex: result.comparison?.[format] ?? false }),
        ...(asks('ts') && { ts: suite?.testSuite ?? suite?.spider ?? false }),
        ...(asks('soft-f1') && { soft_f1: bird[i]!.comparison?.softF1 ?? 0 }),
        ...(asks('ves') && { ves: await this.#efficiency(question, bird[i]!) }),
        ...(error !== undefined && predicted !== '' && { error }),
        ...(goldError !== undefined && { gold_error: goldError }),
      };
      const { outcome, comparison } = result;
      scored.push({ item, judged: { ...(predicted !== '' && { outcome }), comparison } });
    }
    return scored;
  }

  #runBird(questions: readonly Question[]): Promise<QueryResult[]> {
    return this.#service.execute(
      questions.map(({ gold, predicted, database }) => ({
        database,
        sql: predicted,
        gold: [gold.sql],
      })),
    );
  }

  #runSpider(questions: readonly Question[]): Promise<QueryResult[]> {
    const { keepDistinct = false } = this.#options;
    const prepared = (sql: string) =>
      keepDistinct ? joinOperators(sql) : removeDistinct(joinOperators(sql));
    return this.#service.execute(
      questions.map(({ gold, predicted, database, variants }) => ({
        database,
        sql: prepared(predicted),
        gold: [prepared(gold.sql)],
        ...(variants.length > 0 && { variants }),
      })),
    );
  }

  /** Runs prediction and gold in turn, so that both meet the same load of the machine. */
  async #efficiency({ gold, predicted, database }: Question, result: QueryResult): Promise<number> {
    if (result.comparison?.bird !== true) return 0;
    const { runs = 100 } = this.#options;
    // Equal requests are answered from a cache; a comment in front makes them different.
    const requests = Array.from({ length: 2 * runs }, (_, i) => ({
      database,
      sql: `/* run ${i} */ ${i % 2 === 0 ? predicted : gold.sql}`,
    }));
    const times = (await this.#service.execute(requests)).map(({ elapsedMs }) => elapsedMs);
    const ratios: number[] = [];
    for (let i = 0; i < times.length; i += 2) {
      if (times[i]! > 0) ratios.push(times[i + 1]! / times[i]!);
    }
    return rVes([ratios.length > 0 ? ratios : [1]]); // [1]: both faster than the clock ticks
  }
}

function describe(outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case 'rows':
      return undefined;
    case 'error':
      return outcome.message;
    case 'refused':
      return outcome.reason;
    case 'timeout':
      return `longer than ${outcome.limitMs} ms`;
  }
}

function summarise(scored: readonly Scored[]): Scores {
  const { count, error_rate, empty_rate, over_broad_rate } = accuracy(
    scored.map(({ judged }) => judged),
  );
  const scores: Scores = { count, error_rate, empty_rate, over_broad_rate };
  for (const key of ['ex', 'ts', 'soft_f1', 'ves'] as const) {
    const values = scored.flatMap(({ item }) => item[key] ?? []);
    if (values.length > 0) scores[key] = mean(values.map(Number));
  }
  return scores;
}

/**
 * Scores `predictions` against `gold`, position by position.
 *
 * @param databases files of a db_id; throws `bad_input` naming `at` for an unknown one
 */
export async function evaluatePredictions(
  service: SqlService,
  databases: (db_id: string, at: string) => Promise<DatabaseFiles>,
  gold: readonly GoldItem[],
  predictions: readonly string[],
  options: EvaluateOptions,
): Promise<Evaluation> {
  const { runs = 100 } = options;
  if (!Number.isInteger(runs) || runs < 1) throw badInput('runs', runs, 'a whole number from 1');
  const added = new Map<string, Pick<Question, 'database' | 'variants'>>();
  const open = async ({ db_id, at }: GoldItem) => {
    const known = added.get(db_id);
    if (known) return known;
    const files = await databases(db_id, at);
    const database = await service.addDatabase(await files.bytes());
    const variants: string[] = [];
    if (options.metrics.includes('ts')) {
      for (const read of files.variants) variants.push(await service.addDatabase(await read()));
    }
    added.set(db_id, { database, variants });
    return { database, variants };
  };
  // Every database is found before anything runs: a wrong name shows at once, not after an hour.
  const questions: Question[] = [];
  for (const [i, item] of gold.entries()) {
    questions.push({ gold: item, predicted: predictions[i] ?? '', ...(await open(item)) });
  }
  const evaluator = new Evaluator(service, options);
  const scored: Scored[] = [];
  for (let start = 0; start < questions.length; start += BATCH) {
    scored.push(...(await evaluator.score(questions.slice(start, start + BATCH))));
    options.onProgress?.(scored.length, questions.length);
  }
  const items = scored.map(({ item }) => item);
  const levels = new Set(items.flatMap(({ difficulty }) => difficulty ?? []));
  const by_difficulty: Record<string, Scores> = {};
  for (const level of levels) {
    by_difficulty[level] = summarise(scored.filter(({ item }) => item.difficulty === level));
  }
  return {
    format: options.format,
    ...summarise(scored),
    gold_errors: items.filter(({ gold_error }) => gold_error !== undefined).length,
    by_difficulty,
    items,
  };
}
