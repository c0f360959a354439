/** Runs of `train()` as the harness reports them. */
import { readSafetensors } from '../../src/core/model/safetensors.ts';
import { sha256Hex } from '../../src/core/recipe/canonical.ts';
import type { Fingerprint } from '../../src/core/recipe/fingerprint.ts';
import { parseRecipe } from '../../src/core/recipe/parse.ts';
import { localRewards } from '../../src/core/reward/service.ts';
import { localSqlService } from '../../src/core/sql/service.ts';
import { nurseryData } from '../../src/core/train/data.ts';
import { train, type RunInputs } from '../../src/core/train/run.ts';
import { MemoryRunStore, type MetricsLine } from '../../src/core/train/run-store.ts';
import { memory, sqlEngine, useBackend, warmStart, type Backend, type Memory } from './platform.ts';

export interface TrainResult {
  fingerprint: Fingerprint;
  /** SHA-256 of the last checkpoint's model.safetensors, and whether all its numbers are finite. */
  weights: string;
  finite: boolean;
  metrics: MetricsLine[];
  /** Before anything of the run exists, after each update, and when the run is over. */
  memory: { before: Memory; updates: Memory[]; after: Memory };
}

async function complete(inputs: RunInputs, backend: Backend, before: Memory): Promise<TrainResult> {
  const store = new MemoryRunStore();
  const { sql } = inputs.recipe;
  const service = localSqlService(await sqlEngine(), {
    date: Date.parse(sql.date),
    maxRows: sql.row_cap,
  });
  const updates: Memory[] = [];
  let fingerprint: Fingerprint | undefined;
  const clock = (): number => performance.now();
  const ports = { store, sql: service, rewards: localRewards, clock, backend };
  for await (const event of train(inputs, ports)) {
    if (event.type === 'update') updates.push(memory());
    if (event.type === 'end') fingerprint = event.fingerprint;
  }
  await service.close();
  const weights = (await store.latestCheckpoint())!.files['model.safetensors']!;
  const numbers = [...readSafetensors(weights).values()].flatMap(({ data }) => [...data]);
  return {
    fingerprint: fingerprint!,
    weights: sha256Hex(weights),
    finite: numbers.every(Number.isFinite),
    metrics: await store.readMetrics(),
    memory: { before, updates, after: memory() },
  };
}

/** A recipe on the Nursery from the warm start, as the command line would train it. */
export async function trainWarm(
  json: unknown,
  backend: Backend,
  files: string,
): Promise<TrainResult> {
  const recipe = parseRecipe(json);
  await useBackend(backend);
  const before = memory();
  const start = await warmStart(files);
  const evaluated = recipe.eval.every > 0 ? (['tuning'] as const) : [];
  const { data } = nurseryData(recipe, evaluated, await sqlEngine());
  return complete({ recipe, data, ...start }, backend, before);
}

/** The world of core's own tests: one table, three questions, a policy that knows four queries. */
async function tinyWorld() {
  await sqlEngine(); // first, with its address: the helper loads it as Node does
  return import('../../src/core/train/tiny-run.test-helper.ts');
}

export interface TinyOptions {
  updates: number;
  /** Weight of the KL term. */
  beta: number;
}

/** GRPO in the tiny world. The policy it starts from is made on wasm, whatever `backend` is. */
export async function trainTiny(
  backend: Backend,
  { updates, beta }: TinyOptions,
): Promise<TrainResult> {
  await useBackend('wasm');
  const { data, tokenizer, grpoRecipe, undecidedPolicy } = await tinyWorld();
  const start = await undecidedPolicy();
  await useBackend(backend);
  const before = memory();
  // Slow enough that the groups have something to disagree about to the end.
  const optimizer = { learning_rate: 1e-3 };
  const recipe = grpoRecipe({ num_updates: updates, beta }, { optimizer });
  const inputs = { recipe, data, tokenizer, policy: start() };
  return complete(inputs, backend, before);
}
