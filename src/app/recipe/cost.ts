/** How much work a recipe asks for. */
import type { Recipe } from '../../core/recipe/schema.ts';
import { count } from '../ui/format.ts';

export interface Cost {
  updates: number;
  /** What is multiplied, in words: `200 updates × 16 prompts × 8 samples`. */
  factors: string;
  /** `25 600 episodes`; sequences where nothing is sampled. */
  total: string;
}

/** 1 update, 200 updates. */
export const counted = (n: number, one: string): string =>
  `${count(n)} ${one}${n === 1 ? '' : 's'}`;

export function costOf(recipe: Recipe): Cost {
  if (recipe.method === 'sft') {
    const { num_updates: updates, batch_size } = recipe.sft;
    return {
      updates,
      factors: `${counted(updates, 'update')} × ${counted(batch_size, 'sequence')}`,
      total: counted(updates * batch_size, 'sequence'),
    };
  }
  const options = recipe.method === 'grpo' ? recipe.grpo : recipe.rejection_sft;
  const { num_updates: updates, prompts_per_update, num_generations } = options;
  return {
    updates,
    factors: [
      counted(updates, 'update'),
      counted(prompts_per_update, 'prompt'),
      counted(num_generations, 'sample'),
    ].join(' × '),
    total: counted(updates * prompts_per_update * num_generations, 'episode'),
  };
}
