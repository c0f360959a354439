/** Recipes small enough for tests. A link takes them to the page. */
import { applySet } from '../src/core/recipe/change.ts';
import { presetRecipe, type PresetName } from '../src/core/recipe/presets.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';

/** The warm policy, eight updates of half a second each, a checkpoint at 3, 6 and 8. */
export const smallRecipe = (...set: string[]): Recipe =>
  applySet(
    presetRecipe('execution'),
    ...['grpo.num_updates=8', 'grpo.prompts_per_update=4', 'data.train_tasks=200'],
    ...['eval.tasks=20', 'checkpoint_every=3', ...set],
  );

/** A policy without knowledge, small enough for WebGPU on a processor: about two seconds an update. */
export const tinyRecipe = (...set: string[]): Recipe =>
  applySet(
    presetRecipe('grpo'),
    ...['policy.checkpoint=scratch', 'policy.model.vocab_size=512'],
    ...['policy.model.hidden_size=16', 'policy.model.intermediate_size=32'],
    ...['policy.model.num_attention_heads=2', 'policy.model.num_key_value_heads=1'],
    ...['policy.model.num_hidden_layers=1', 'data.train_tasks=40', 'data.train_schemas=8'],
    ...['grpo.num_updates=6', 'grpo.prompts_per_update=2', 'grpo.num_generations=2'],
    ...['grpo.max_completion_length=8', 'eval.every=0', 'checkpoint_every=2', ...set],
  );

/** Updates of `smallPreset`. */
export const PRESET_UPDATES = 3;

/** A preset as it is, but for its size: a few updates of so many prompts, each sampled as often. */
export function smallPreset(preset: PresetName, size: number): Recipe {
  const recipe = presetRecipe(preset);
  const own = (name: string, value: number): string => `${recipe.method}.${name}=${value}`;
  return applySet(
    recipe,
    ...['data.train_tasks=60', 'eval.every=0', own('num_updates', PRESET_UPDATES)],
    ...(recipe.method === 'sft'
      ? [own('batch_size', 2 * size)]
      : [own('prompts_per_update', size), own('num_generations', size)]),
  );
}
