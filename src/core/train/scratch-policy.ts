/**
 * New weights instead of a checkpoint. Apart from starting-policy.ts, because the tokenizer is learnt from
 * the Nursery, which a tab loads only when it must.
 */
import { initPolicy } from '../model/policy.ts';
import type { Recipe } from '../recipe/schema.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import type { LoadedPolicy } from './starting-policy.ts';
import { nurseryTokenizer } from './warm-start.ts';

/** Schemas the tokenizer of a policy for other data than the Nursery is learnt from. */
const TOKENIZER_SCHEMAS = 360;

/** New weights of the recipe's shape, with a tokenizer learnt from its Nursery; takes a second or two. */
export function scratchPolicy({ policy, data, seed }: Recipe): LoadedPolicy {
  const { model } = policy;
  const [nurserySeed, schemas] =
    data.kind === 'nursery' ? [data.seed, data.train_schemas] : [0, TOKENIZER_SCHEMAS];
  const tokenizer = Tokenizer.fromFiles(nurseryTokenizer(nurserySeed, schemas, model.vocab_size));
  const head_dim = model.hidden_size / model.num_attention_heads;
  return { policy: initPolicy({ ...model, head_dim }, seed), tokenizer };
}
