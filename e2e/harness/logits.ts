/** The warm start's logits on real prompts, on both backends. */
import { tf } from '#tfjs';
import { pack, toTensors } from '../../src/core/model/pack.ts';
import { presetRecipe } from '../../src/core/recipe/presets.ts';
import { Prompts } from '../../src/core/train/context.ts';
import { nurserySplit } from '../../src/core/train/data.ts';
import { sqlEngine, useBackend, warmStart, type Backend } from './platform.ts';

async function logits(backend: Backend, files: string, count: number): Promise<Float32Array> {
  await useBackend(backend);
  const { policy, tokenizer } = await warmStart(files);
  const recipe = presetRecipe('grpo');
  const { tasks, databases } = nurserySplit(recipe, 'dev', await sqlEngine());
  const prompts = new Prompts(tokenizer, databases, recipe);
  const items = tasks.slice(0, count).map((task) => ({
    prompt: prompts.of(task),
    completions: task.gold!.slice(0, 1).map((sql) => tokenizer.encode(sql)),
  }));
  const all = tf.tidy(() => policy.logits(policy.hidden(toTensors(pack(items)).input)));
  const values = (await all.data()) as Float32Array;
  all.dispose();
  policy.dispose();
  return values;
}

export interface LogitsComparison {
  count: number;
  /** Largest absolute difference, and the largest absolute logit. */
  apart: number;
  largest: number;
}

export async function compareLogits(files: string, prompts: number): Promise<LogitsComparison> {
  const wasm = await logits('wasm', files, prompts);
  const webgpu = await logits('webgpu', files, prompts);
  if (wasm.length !== webgpu.length) throw new Error(`${wasm.length} logits, ${webgpu.length}`);
  const most = (of: (i: number) => number): number =>
    wasm.reduce((largest, _, i) => Math.max(largest, Math.abs(of(i))), 0);
  return {
    count: wasm.length,
    apart: most((i) => wasm[i]! - webgpu[i]!),
    largest: most((i) => wasm[i]!),
  };
}
