/**
 * New weights instead of a checkpoint. Apart from starting-policy.ts, because the tokenizer is learnt from
 * the Nursery, which a tab loads only when it must.
 */
import { initPolicy } from '../model/policy.ts';
import type { Recipe } from '../recipe/schema.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import type { LoadedPolicy } from './starting-policy.ts';
import { nurseryTokenizer } from './warm-start/index.ts';
import type { SqlLoader } from './warm-start/kind.ts';

/** New weights of the recipe's shape, with a tokenizer learnt from its Nursery; takes a second or two. */
export async function scratchPolicy(recipe: Recipe, sql: SqlLoader): Promise<LoadedPolicy> {
  const { model } = recipe.policy;
  const tokenizer = Tokenizer.fromFiles(await nurseryTokenizer(recipe, sql));
  const head_dim = model.hidden_size / model.num_attention_heads;
  return { policy: initPolicy({ ...model, head_dim }, recipe.seed), tokenizer };
}
