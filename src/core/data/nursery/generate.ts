/** Verified Nursery tasks: the splits that people train, tune and measure on. */
import type { SqlJsStatic } from 'sql.js';
import { badInput } from '../../errors.ts';
import { Stream } from '../../random/stream.ts';
import { createDatabase } from '../../sql/create.ts';
import type { Cell, Database, Dataset, Task } from '../task.ts';
import { draft, LEVEL_WEIGHTS, partition, type Draft, type Partition } from './draft.ts';
import { ddl, NurseryEngine } from './engine.ts';
import { LEVELS, type Level } from './hardness.ts';
import { renderSql, type Query } from './query.ts';
import { generateRows, ROW_VARIANTS } from './rows.ts';
import { schemas, toSchema, type SchemaSplit, type Variant } from './schemas.ts';
import { draftSteps, plansAgree } from './steps/draft.ts';
import { MUTANTS, verify } from './verify.ts';
import type { DraftedWorld } from './world.ts';

/** Raised whenever the same options would give other tasks. */
export const NURSERY_VERSION = 1;

export type NurserySplit = 'train' | 'tuning' | 'dev' | 'heldout_schemas' | 'heldout_names';

export const SPLIT_SIZES: Readonly<Record<NurserySplit, number>> = {
  train: 2000,
  tuning: 300,
  dev: 1000,
  heldout_schemas: 1000,
  heldout_names: 500,
};

export interface GenerateOptions {
  seed: number;
  /** Default `plain`. */
  world?: DraftedWorld;
  split: NurserySplit;
  /** Tasks; by default the split's size. */
  count?: number;
  /** Share of each level, in any unit; the world of steps has levels of its own. */
  levels?: Readonly<Record<Level, number>>;
  /** Schemas the tasks are about; by default all of the split's. */
  schemaCount?: number;
  /** Changes the schemas before anything is asked about them. */
  adapt?: (variants: Variant[]) => Variant[];
  /** Drafts what may become the `made`-th task (from 0) of the split; by default any question of the world. */
  drafting?: (variant: Variant, stream: Stream, made: number) => Draft | undefined;
  /** sql.js, which checks every task and makes the databases. */
  sql: SqlJsStatic;
  /** Called about a hundred times. */
  onProgress?: OnProgress;
}

/** Tasks made, of how many. */
export type OnProgress = (done: number, total: number) => void;

const SHARE_OF_ONE_VALUE = 0.03;
const SHARE_OF_ONE_INTEGER = 0.25;
const ATTEMPTS = 60;

const schemaSplit = (split: NurserySplit): SchemaSplit =>
  split === 'heldout_schemas' || split === 'heldout_names' ? split : 'train';

const partitionOf = (split: NurserySplit): Partition | undefined =>
  split === 'train' || split === 'tuning' || split === 'dev' ? split : undefined;

export const isOneInteger = (answer: Cell[][]): boolean =>
  answer.length === 1 && answer[0]!.length === 1 && Number.isInteger(answer[0]![0]);

/** Keeps any single value from answering too many tasks, and counts from being all there is. */
class Quotas {
  readonly #most: number;
  #integersLeft: number;
  readonly #used = new Map<Cell, number>();

  constructor(count: number) {
    this.#most = Math.max(2, Math.floor(SHARE_OF_ONE_VALUE * count));
    this.#integersLeft = Math.floor(SHARE_OF_ONE_INTEGER * count);
  }

  /** Takes the answer if it is within the quotas. */
  take(answer: Cell[][]): boolean {
    const single = isOneInteger(answer);
    if (single && this.#integersLeft === 0) return false;
    const values = new Set(answer.flat().filter((cell) => cell !== null));
    for (const value of values) if ((this.#used.get(value) ?? 0) >= this.#most) return false;
    for (const value of values) this.#used.set(value, (this.#used.get(value) ?? 0) + 1);
    if (single) this.#integersLeft--;
    return true;
  }
}

/** A variant as a Database: the file is made when asked for. */
export function toDatabase(variant: Variant, sql: SqlJsStatic): Database {
  const bytes = async (which: number): Promise<Uint8Array> => {
    const rows = generateRows(variant, which);
    return createDatabase(
      sql,
      ddl(variant),
      variant.tables.map((table) => ({ table: table.name, rows: rows[table.index]! })),
    );
  };
  return {
    db_id: variant.id,
    schema: toSchema(variant),
    bytes: () => bytes(0),
    variants: Array.from({ length: ROW_VARIANTS - 1 }, (_, i) => () => bytes(i + 1)),
  };
}

export function checkCount(field: string, value: number): void {
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000) {
    throw badInput(field, value, 'an integer from 1 to 1000000');
  }
}

const DRAFTS: Record<DraftedWorld, (variant: Variant, stream: Stream, level: Level) => Draft> = {
  plain: draft,
  steps: draftSteps,
};

export interface Generated {
  task: Task;
  query: Query;
  variant: Variant;
}

/** As `generateTasks`, with the query and the schema behind each task. */
export function generate(options: GenerateOptions): Generated[] {
  const { seed, split, sql, levels = LEVEL_WEIGHTS, world = 'plain', onProgress } = options;
  const { drafting, adapt = (all) => all } = options;
  const count = options.count ?? SPLIT_SIZES[split];
  checkCount('count', count);
  if (options.schemaCount !== undefined) checkCount('schemaCount', options.schemaCount);
  const weights = LEVELS.map((level) => levels[level]);
  const order = new Stream(seed, `nursery order ${split}`);
  const known = adapt(schemas(seed, schemaSplit(split), options.schemaCount));
  const variants = order.shuffle(known);
  const wanted = partitionOf(split);
  // Training tasks are many and made while someone waits; half the mutants tell nearly as much.
  const mutantCount = split === 'train' ? MUTANTS / 2 : MUTANTS;
  const every = Math.ceil(count / 100);
  const quotas = new Quotas(count);
  const seen = new Set<string>();
  const made: Generated[] = [];

  /** One task on the schema the engine has loaded, or undefined when none passes. */
  const next = (variant: Variant, engine: NurseryEngine, stream: Stream): Generated | undefined => {
    const level = LEVELS[stream.weighted(weights)]!;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const drafted = drafting
        ? drafting(variant, stream, made.length)
        : DRAFTS[world](variant, stream, level);
      if (!drafted) continue;
      const { question, query, skill } = drafted;
      const key = `${variant.id} ${question}`;
      if ((wanted && partition(question) !== wanted) || seen.has(key)) continue;
      const { rejection, answer } = verify(drafted, variant, engine, stream, mutantCount);
      if (rejection || !plansAgree(drafted, engine) || !quotas.take(answer)) continue;
      seen.add(key);
      const gold = [renderSql(query)];
      const task = {
        db_id: variant.id,
        question,
        gold,
        answer,
        difficulty: drafted.level,
        split,
        skill,
      };
      return { task: { id: '', ...task }, query, variant };
    }
    return undefined;
  };

  const engine = new NurseryEngine(sql);
  try {
    for (let i = 0, before = 0; made.length < count; i++) {
      const at = i % variants.length;
      if (i > 0 && at === 0) {
        if (made.length === before) {
          throw badInput('count', count, `at most ${before}, all that these schemas gave`);
        }
        before = made.length;
      }
      const variant = variants[at]!;
      // What a schema could not give, the next ones do, and after the last one another round.
      const share = Math.ceil((count - made.length) / (variants.length - at));
      engine.load(variant);
      for (let k = 0; k < share; k++) {
        const each = next(variant, engine, new Stream(seed, `nursery tasks ${split}`, i, k));
        if (!each) continue;
        made.push(each);
        if (made.length % every === 0 || made.length === count) onProgress?.(made.length, count);
      }
    }
  } finally {
    engine.close();
  }
  const shuffled = order.shuffle(made);
  const name = world === 'plain' ? 'nursery' : `nursery-${world}`;
  shuffled.forEach(({ task }, i) => (task.id = `${name}-${split}-${seed}-${i}`));
  return shuffled;
}

/**
 * Tasks of one split, each executed and checked on all row variants; equal options give equal tasks.
 * Tuning and dev share the training schemas but no question text with training.
 */
export function generateTasks(options: GenerateOptions): Dataset {
  const generated = generate(options);
  const databases = new Map<string, Database>();
  for (const { variant } of generated) {
    if (!databases.has(variant.id)) databases.set(variant.id, toDatabase(variant, options.sql));
  }
  const tasks = generated.map(({ task }) => task);
  return { name: `nursery-${options.split}`, tasks, databases };
}
