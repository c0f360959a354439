/** The memory of a run: its embedder, what it begins with, what its thoughts are checked against. */
import { Habits } from '../data/nursery/planted.ts';
import { PLANTED_THOUGHTS, thoughtExample } from '../data/nursery/planted-thoughts.ts';
import { trainSchemas } from '../data/nursery/schemas.ts';
import { policyEmbedder } from '../model/embed.ts';
import { parseOptions } from '../options.ts';
import { Stream } from '../random/stream.ts';
import type { Recipe } from '../recipe/schema.ts';
import { CentredEmbedder } from '../reward/embed/centred.ts';
import { textEmbedder } from '../reward/embed/index.ts';
import { finerOptions, type FinerOptions } from '../reward/finer.ts';
import { schemaNames, type VerifiedThought } from '../reward/memory.ts';
import type { AnnotatorInputs } from './annotators.ts';
import type { RunContext } from './context.ts';
import { ThoughtMemoryAnnotator } from './thought-memory.ts';

/**
 * Thoughts that lead to gold SQL, about the schemas a run trains on: this project's stand-in for the teacher's
 * right answers from which the paper's memory begins.
 */
export function goldThoughts(data: Recipe['data'], count: number): VerifiedThought[] {
  if (data.kind !== 'nursery') return [];
  const { seed, train_schemas } = data;
  const variants = trainSchemas(seed, train_schemas);
  const habits = new Habits(seed, PLANTED_THOUGHTS);
  return Array.from({ length: count }, (_, i) => {
    const stream = new Stream(seed, 'memory seeds', i);
    const { variant, thought } = thoughtExample(variants, stream, seed, habits, true);
    return { text: thought, db_id: variant.id };
  });
}

/** The options of FINER-SQL's reward, where a recipe has it with memory. */
export function rewardWithMemory(recipe: Recipe): FinerOptions | undefined {
  if (!('reward' in recipe) || recipe.reward.name !== 'finer') return undefined;
  const options = parseOptions(finerOptions, recipe.reward.options, 'reward.options');
  return options.variant === 'full' && options.memory ? options : undefined;
}

/** The annotator of a recipe whose reward is FINER-SQL's with memory. */
export async function thoughtMemory(
  { recipe, tokenizer, data }: Pick<RunContext, 'recipe' | 'tokenizer' | 'data'>,
  { start, thoughts }: AnnotatorInputs,
  { thoughts: options, comparison }: FinerOptions,
): Promise<ThoughtMemoryAnnotator> {
  const names = new Map<string, ReadonlySet<string>>();
  const namesOf = (db_id: string): ReadonlySet<string> | undefined => {
    const database = data.databases.get(db_id);
    if (database && !names.has(db_id)) names.set(db_id, schemaNames(database.schema));
    return names.get(db_id);
  };
  const text = await textEmbedder(options);
  // The run goes on to train the policy it began with.
  const frozen = text ? undefined : start.clone();
  const embedder = text ?? new CentredEmbedder(policyEmbedder(frozen!, tokenizer));
  const parts = { embedder, options, comparison, namesOf, dispose: () => frozen?.dispose() };
  return ThoughtMemoryAnnotator.make(parts, thoughts ?? goldThoughts(recipe.data, options.seeds));
}
