import { beforeAll, describe, expect, it } from 'vitest';
import type { Episode } from '../episode/episode.ts';
import { thinkProtocol, thinkText } from '../episode/think.ts';
import { loadPolicy } from '../model/checkpoint.ts';
import type { Policy } from '../model/policy.ts';
import { parseOptions } from '../options.ts';
import { Stream } from '../random/stream.ts';
import { CentredEmbedder } from '../reward/embed/centred.ts';
import type { Embedder } from '../reward/embed/embedder.ts';
import { nGramEmbedder } from '../reward/embed/n-grams.ts';
import { findReward } from '../reward/index.ts';
import { memoryOptions } from '../reward/memory.ts';
import { loadSqlParser } from '../sql/parser.ts';
import { startBackend } from '../tensor/backend.ts';
import * as tiny from './tiny-run.test-helper.ts';
import { ThoughtMemoryAnnotator } from './thought-memory.ts';
import { goldThoughts } from './thought-memory-parts.ts';

const THOUGHTS = [
  'use item; the number of rows of item; no price and no size are needed',
  'use item; the highest price of item; the one column is price, no size',
  'use item; the sum of the size of item; the one column is size, no price',
];

const names = new Set(['item', 'price', 'size']);
const options = (given: object = {}) => parseOptions(memoryOptions, given, 'thoughts');
const make = (given: object = {}, embedder: Embedder = nGramEmbedder()) =>
  ThoughtMemoryAnnotator.make({
    ...{ embedder, options: options(given), comparison: 'bird' as const },
    namesOf: (db_id) => (db_id === 'unknown' ? undefined : names),
  });

function episode(thought: string, right: boolean, db_id = 'shop', text?: string): Episode {
  const written = text ?? thinkText(thought, 'SELECT 1');
  const comparison = { bird: right, spider: right, exact: right, recall: 0, f1: 0 };
  return {
    task: { id: 't', db_id, question: '?', gold: ['SELECT 2'], split: 'train' },
    ...{ tokens: new Int32Array(), mask: new Uint8Array(), terminated: true, text: written },
    ...{ logProbs: new Float32Array(), entropies: new Float32Array() },
    steps: [
      {
        ...{ kind: 'answer', start: 0, end: 0, text: written, sql: 'SELECT 1' },
        outcome: { kind: 'rows', columns: [], rows: [], rowCount: 0, truncated: false },
        comparison: { ...comparison, softF1: 0, qatch: 0 },
      },
    ],
  };
}

/** One update of one group: annotated, rewarded, learnt from. */
async function update(annotator: ThoughtMemoryAnnotator, episodes: Episode[]) {
  const group = { task: episodes[0]!.task, prompt: new Int32Array(), episodes };
  await annotator.annotate([group]);
  const reward = findReward('finer').make({ minThoughtCharacters: 40 });
  annotator.learn([{ ...group, rewards: episodes.map(reward) }]);
  return episodes.map(({ similarity }) => similarity);
}

describe('the annotator', () => {
  beforeAll(() => loadSqlParser());

  it('compares with what was verified before, then keeps what is right, new and good', async () => {
    const annotator = await make({ scope: 'all' });
    const [right, other, wrong] = THOUGHTS as [string, string, string];
    const first = await update(annotator, [
      episode(right, true),
      episode(right, true),
      episode(wrong, false),
      episode('too short', true),
      episode('', true, 'shop', `${right} SELECT 1`),
    ]);
    expect(first).toEqual([0, 0, 0, 0, undefined]);
    expect(annotator.memory.entries.map(({ text }) => text)).toEqual([right]);
    const second = await update(annotator, [episode(right, false), episode(other, true)]);
    expect(second[0]).toBeCloseTo(1, 6);
    expect(second[1]).toBeGreaterThan(0.3);
    expect(second[1]).toBeLessThan(0.9);
    expect(annotator.memory.size).toBe(2);
    expect(annotator.metrics()).toMatchObject({ 'memory/thoughts': 2, 'memory/kept': 1 });
  });

  it('asks nothing of the schema of a database it does not know', async () => {
    const annotator = await make();
    const thought = 'the answer needs one table and one of its columns, no join and no filter';
    await update(annotator, [episode(thought, true)]);
    expect(annotator.memory.size).toBe(0);
    await update(annotator, [episode(thought, true, 'unknown')]);
    expect(annotator.memory.size).toBe(1);
  });

  it('goes on from what it saved, mean included, as if it had not stopped', async () => {
    const embedder = () => new CentredEmbedder(nGramEmbedder(64));
    const [one, other] = [await make({ scope: 'all' }, embedder()), await make({}, embedder())];
    const updates = [0, 1, 2].map((i) => [
      ...[episode(THOUGHTS[i]!, true), episode(THOUGHTS[(i + 1) % 3]!, false)],
    ]);
    await update(one, updates[0]!);
    await update(one, updates[1]!);
    const again = await make({ scope: 'all' }, embedder());
    again.restore(one.save());
    expect(again.memory.entries).toEqual(one.memory.entries);
    expect(await update(again, updates[2]!)).toEqual(await update(one, updates[2]!));
    expect(again.save()).toEqual(one.save());
    other.restore(other.save());
    expect(other.memory.size).toBe(0);
  });

  it('refuses files that are none of its own, naming them', async () => {
    const annotator = await make();
    const files = annotator.save();
    const text = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
    expect(() => annotator.restore({})).toThrow(/thoughts\.safetensors and thoughts\.json/);
    expect(() => annotator.restore({ ...files, 'thoughts.json': text([{ text: 1 }]) })).toThrow(
      /thoughts\.json: got .*expected a list of \{text, db_id\}/,
    );
    const one = text([{ text: 'a', db_id: 'b' }]);
    expect(() => annotator.restore({ ...files, 'thoughts.json': one })).toThrow(
      /thoughts\.safetensors: vectors/,
    );
  });
});

describe('gold thoughts', () => {
  const data = (seed: number) => tiny.grpoRecipe({}, { data: { kind: 'nursery', seed } }).data;

  it('are about the schemas of the run, from its seed', () => {
    const thoughts = goldThoughts(data(3), 50);
    expect(thoughts).toHaveLength(50);
    expect(thoughts).toEqual(goldThoughts(data(3), 50));
    expect(thoughts).not.toEqual(goldThoughts(data(4), 50));
    expect(new Set(thoughts.map(({ db_id }) => db_id)).size).toBeGreaterThan(20);
  });
});

describe('a run', () => {
  let policy: () => Policy;

  // A policy that writes one of three thoughts with one of three queries, whatever the question.
  beforeAll(async () => {
    await startBackend('wasm');
    const tasks = tiny.data.splits.get('train')!;
    const { schema } = tiny.data.databases.get('shop')!;
    const sft = { num_updates: 250, batch_size: 12, per_device_train_batch_size: 12 };
    const { files } = await tiny.complete(
      tiny.sftRecipe(sft, { protocol: 'think' }),
      tiny.freshPolicy(),
      {
        corpus: (update, index) => {
          const i = new Stream(0, 'thoughts', update, index).int(3);
          const prompt = thinkProtocol.prompt(tasks[index % 3]!, schema, { style: 'compact' });
          return { prompt, turns: [{ text: thinkText(THOUGHTS[i]!, tasks[i]!.gold![0]!) }] };
        },
      },
    );
    policy = () => loadPolicy(files);
  });

  const recipe = tiny.grpoRecipe(
    { num_updates: 6, max_completion_length: 90 },
    {
      protocol: 'think',
      optimizer: { learning_rate: 1e-4 },
      reward: {
        name: 'finer',
        options: { minThoughtCharacters: 40, thoughts: { scope: 'all', seeds: 20 } },
      },
    },
  );

  it('grows its memory, saves it, and resumed equals one that never stopped, bit for bit', async () => {
    const before = tiny.memory();
    const straight = await tiny.complete(recipe, policy());
    expect(tiny.memory()).toEqual(before);
    const sizes = straight.updates.map(({ metrics }) => metrics['memory/thoughts']!);
    expect(sizes.at(-1)).toBeGreaterThan(10);
    expect(straight.updates[0]!.metrics['memory/kept']).toBeGreaterThan(0);
    expect(Object.keys(straight.files)).toEqual(
      expect.arrayContaining(['thoughts.safetensors', 'thoughts.json']),
    );
    const { events, store } = tiny.start({ ...recipe, checkpoint_every: 1 }, policy());
    for await (const event of events) {
      if (event.type === 'checkpoint' && event.update === 3) break;
    }
    const resumed = await tiny.complete({ ...recipe, checkpoint_every: 1 }, policy(), { store });
    expect(resumed.updates).toHaveLength(3);
    expect(resumed.fingerprint).toEqual(straight.fingerprint);
    expect(resumed.files).toEqual(straight.files);
    const lines = await straight.store.readMetrics();
    expect(await resumed.store.readMetrics()).toEqual(lines);
    expect(tiny.memory()).toEqual(before);
  });

  it('needs no memory where the reward has none', async () => {
    const { options } = recipe.method === 'grpo' ? recipe.reward : { options: {} };
    for (const changes of [{ memory: false }, { variant: 'sparse' }]) {
      const reward = { name: 'finer', options: { ...options, ...changes } };
      const { files, updates } = await tiny.complete(
        tiny.grpoRecipe(
          { num_updates: 1, max_completion_length: 90 },
          { protocol: 'think', reward },
        ),
        policy(),
      );
      expect(Object.keys(files)).not.toContain('thoughts.json');
      expect(updates[0]!.metrics).not.toHaveProperty('memory/thoughts');
    }
  });
});
