/**
 * What a run *is*. One valibot schema gives the `Recipe` type, its defaults, the `--set` paths of the
 * command line and the form controls of the page (`fields.ts`). Names follow TRL and Hugging Face.
 */
import * as v from 'valibot';
import { protocolNames } from '../episode/index.ts';
import { choice, integer, text } from './controls.ts';
import { grpo } from './methods/grpo.ts';
import { rejectionSft } from './methods/rejection-sft.ts';
import { sft } from './methods/sft.ts';
import { data, evaluation, optimizer, policy, prompt, seed, sql, turns } from './sections.ts';

/** Raised when a field or default changes meaning; `migrations.ts` brings older recipes up. */
export const RECIPE_VERSION = 1;

const common = {
  version: v.optional(v.literal(RECIPE_VERSION), RECIPE_VERSION),
  name: text(
    'run',
    /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u,
    'up to 64 letters, digits, spaces, dots, dashes or underscores',
    'What people call this run',
  ),
  seed: seed(0, 'Seed of everything random in the run'),
  data,
  prompt,
  policy,
  protocol: choice(protocolNames, 'direct', 'How an episode goes'),
  turns,
  optimizer,
  sql,
  eval: evaluation,
  checkpoint_every: integer(10, { min: 1, max: 1_000_000 }, 'Updates between checkpoints'),
};

/** A new method is a file in `methods/` and a line here. */
export const recipeSchema = v.pipe(
  v.variant('method', [
    v.strictObject({ ...common, ...sft }),
    v.strictObject({ ...common, ...grpo }),
    v.strictObject({ ...common, ...rejectionSft }),
  ]),
  v.description('How the policy learns'),
);

export type Recipe = v.InferOutput<typeof recipeSchema>;
export type RecipeInput = v.InferInput<typeof recipeSchema>;
export type Method = Recipe['method'];
export type RecipeOf<M extends Method> = Extract<Recipe, { method: M }>;

/** Length of a run of this recipe, in updates. */
export function updatesOf(recipe: Recipe): number {
  if (recipe.method === 'grpo') return recipe.grpo.num_updates;
  return recipe.method === 'sft' ? recipe.sft.num_updates : recipe.rejection_sft.num_updates;
}
