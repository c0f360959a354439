import type { Recipe } from '../../recipe/schema.ts';

/** Schemas that the tokenizer of a policy for other data than the Nursery is learnt from. */
const SCHEMAS = 360;

/** Seed and number of training schemas of the recipe's Nursery; for other data, those of the default one. */
export const nurseryOf = ({ data }: Pick<Recipe, 'data'>): [seed: number, schemas: number] =>
  data.kind === 'nursery' ? [data.seed, data.train_schemas] : [0, SCHEMAS];
