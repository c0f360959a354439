/** A world small enough to train in a second: three questions about one table, four queries to choose from. */
import { tf } from '#tfjs';
import type { Schema, Task } from '../data/task.ts';
import { loadPolicy } from '../model/checkpoint.ts';
import { initPolicy, type Policy } from '../model/policy.ts';
import { Stream } from '../random/stream.ts';
import type { Fingerprint } from '../recipe/fingerprint.ts';
import { parseRecipe } from '../recipe/parse.ts';
import type { Recipe } from '../recipe/schema.ts';
import { localRewards } from '../reward/service.ts';
import { createDatabase } from '../sql/create.ts';
import { loadSql } from '../sql/engine.ts';
import type { QueryRequest, SqlService } from '../sql/outcome.ts';
import { localSqlService } from '../sql/service.ts';
import { type TimeoutEntry, TimeoutLog } from '../sql/timeout-log.ts';
import { trainBpe } from '../text/bpe.ts';
import { directPrompt } from '../text/prompt.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import type { RunData } from './context.ts';
import { train, type RunEvent, type RunInputs, type RunPorts } from './run.ts';
import { MemoryRunStore, type CheckpointFiles } from './run-store.ts';
import type { Corpus } from './sft.ts';

const SQL = await loadSql();

const column = (name: string) => ({ name, type: 'INTEGER', primaryKey: false });
const schema: Schema = {
  tables: [{ name: 'item', columns: ['price', 'size'].map(column), foreignKeys: [] }],
};
const bytes = createDatabase(
  SQL,
  ['CREATE TABLE item (price INTEGER, size INTEGER)'],
  [
    {
      table: 'item',
      rows: [
        [7, 1],
        [9, 2],
        [4, 5],
      ],
    },
  ],
);

const questions: [question: string, gold: string][] = [
  ['how many items', 'SELECT count(*) FROM item'],
  ['the highest price', 'SELECT max(price) FROM item'],
  ['the total size', 'SELECT sum(size) FROM item'],
];
/** One of the four does not execute. */
const queries = [...questions.map(([, gold]) => gold), 'SELECT price FROM total'];

const tasks = questions.map(([question, gold], i): Task => ({
  ...{ id: `t${i}`, db_id: 'shop', question, gold: [gold], split: 'train', difficulty: 'easy' },
}));
const database = { db_id: 'shop', schema, bytes: () => Promise.resolve(bytes), variants: [] };

export const data: RunData = {
  splits: new Map([['train', tasks]]),
  databases: new Map([['shop', database]]),
};

const prompts = tasks.map((task) => directPrompt(schema, task, { style: 'compact' }));
export const tokenizer = Tokenizer.fromFiles(
  trainBpe([...prompts, ...prompts, ...queries, ...queries], { vocabSize: 300 }),
);

/** Tokens of the longest prompt. */
export const longestPrompt = Math.max(...prompts.map((text) => tokenizer.encode(text).length));

/** Every question with every query, as often. */
const undecided: Corpus = (update, index) => ({
  prompt: prompts[index % 3]!,
  turns: [{ text: new Stream(0, 'undecided', update, index).pick(queries) }],
});

/** Hidden 16, one layer; more rows in the embedding than the tokenizer has tokens. */
export const freshPolicy = (seed = 0): Policy =>
  initPolicy(
    {
      ...{ vocab_size: 304, hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1 },
      ...{ num_attention_heads: 2, num_key_value_heads: 1, head_dim: 8 },
      ...{ max_position_embeddings: 160, rope_theta: 10_000, rms_norm_eps: 1e-6 },
      ...{ tie_word_embeddings: true, attention_bias: false },
    },
    seed,
  );

const common = {
  policy: { checkpoint: 'scratch' },
  eval: { every: 0, split: 'train' },
  optimizer: { learning_rate: 0.01, adam_beta2: 0.99 },
};
const rollout = { prompts_per_update: 3, num_generations: 6, max_completion_length: 14 };

export const grpoRecipe = (options: object = {}, others: object = {}): Recipe =>
  parseRecipe({
    ...{ ...common, ...others, method: 'grpo' },
    grpo: { ...rollout, num_updates: 20, mini_batches: 1, ...options },
  });

export const rejectionRecipe = (options: object = {}, others: object = {}): Recipe =>
  parseRecipe({
    ...{ ...common, ...others, method: 'rejection_sft' },
    rejection_sft: { ...rollout, num_updates: 20, mini_batches: 2, num_iterations: 2, ...options },
  });

export const sftRecipe = (options: object = {}, others: object = {}): Recipe =>
  parseRecipe({
    ...{ ...common, ...others, method: 'sft' },
    sft: { num_updates: 20, batch_size: 5, per_device_train_batch_size: 3, ...options },
  });

/** A service that finds some queries slow when it runs them itself, and remembers which it ran. */
export class SlowSql implements SqlService {
  readonly timeouts = new TimeoutLog();
  readonly ran: string[] = [];
  readonly #inner = localSqlService(SQL);
  readonly #known = new Set<string>();
  readonly #slow: (sql: string) => boolean;

  constructor(slow: (sql: string) => boolean = () => false) {
    this.#slow = slow;
  }

  addDatabase(bytes: Uint8Array): Promise<string> {
    return this.#inner.addDatabase(bytes);
  }

  replay(entries: readonly TimeoutEntry[]): void {
    for (const entry of entries) {
      this.timeouts.add(entry);
      this.#known.add(entry.sql);
    }
  }

  async execute(requests: QueryRequest[]) {
    const results = await this.#inner.execute(requests);
    return requests.map(({ database, sql }, i) => {
      const known = this.#known.has(sql);
      if (!known) this.ran.push(sql);
      if (!known && !this.#slow(sql)) return results[i]!;
      this.replay([{ database, sql, limitMs: 9 }]);
      return { outcome: { kind: 'timeout' as const, limitMs: 9 }, elapsedMs: 0 };
    });
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

export interface Started {
  events: AsyncGenerator<RunEvent, void>;
  store: MemoryRunStore;
}

export type Choices = Partial<RunPorts & RunInputs> & { store?: MemoryRunStore };

export function start(recipe: Recipe, policy: Policy, choices: Choices = {}): Started {
  const { store = new MemoryRunStore(), sql = localSqlService(SQL), stop, corpus } = choices;
  const { replicas } = choices;
  const { rewards = localRewards, backend = 'wasm' } = choices;
  const inputs = { recipe, data: choices.data ?? data, policy, tokenizer };
  const ports = { sql, rewards, store, clock: () => 0, backend };
  const events = train(
    { ...inputs, ...(corpus && { corpus }) },
    { ...ports, ...(stop && { stop }), ...(replicas && { replicas }) },
  );
  return { events, store };
}

export interface Finished {
  events: RunEvent[];
  updates: Extract<RunEvent, { type: 'update' }>[];
  fingerprint: Fingerprint;
  finished: boolean;
  files: CheckpointFiles;
  store: MemoryRunStore;
}

/** Pulls a run to its end. */
export async function finish({ events, store }: Started): Promise<Finished> {
  const all: RunEvent[] = [];
  for await (const event of events) all.push(event);
  const end = all.at(-1) as Extract<RunEvent, { type: 'end' }>;
  return {
    events: all,
    updates: all.filter((event) => event.type === 'update'),
    fingerprint: end.fingerprint,
    finished: end.finished,
    files: (await store.latestCheckpoint())?.files ?? {},
    store,
  };
}

export const complete = (recipe: Recipe, policy: Policy, choices: Choices = {}) =>
  finish(start(recipe, policy, choices));

/**
 * A policy that writes one of the four queries, whatever the question: what reinforcement learning
 * starts from. Returns a maker of equal copies.
 */
export async function undecidedPolicy(): Promise<() => Policy> {
  const recipe = sftRecipe({ num_updates: 150, batch_size: 12, per_device_train_batch_size: 12 });
  const { files } = await complete(recipe, freshPolicy(), { corpus: undecided });
  return () => loadPolicy(files);
}

export const memory = (): { numTensors: number; numBytes: number } => {
  const { numTensors, numBytes } = tf.memory();
  return { numTensors, numBytes };
};
