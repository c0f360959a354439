/** Which annotators a recipe needs. A new one is a file beside this and a line in `makeAnnotators`. */
import type { Policy } from '../model/policy.ts';
import type { Annotator } from './annotator.ts';
import type { RunContext } from './context.ts';
import type { PrmModel } from './prm/scorer.ts';
import { stepValues, valueSource } from './step-values.ts';
import { rewardWithMemory, thoughtMemory } from './thought-memory-parts.ts';

/** What annotators may be made of, beside the run itself. */
export interface AnnotatorInputs {
  /** The policy where the run began. Not theirs: who needs it later clones it. */
  start: Policy;
  /** A process reward model, where the recipe names one. The run owns it. */
  processModel?: PrmModel | undefined;
  /** Verified thoughts to begin with. */
  thoughts?: readonly { text: string; db_id: string }[] | undefined;
}

export async function makeAnnotators(
  context: Omit<RunContext, 'annotators'>,
  inputs: AnnotatorInputs,
): Promise<Annotator[]> {
  const { recipe } = context;
  const annotators: Annotator[] = [];
  if (valueSource(recipe) !== 'none') annotators.push(stepValues(context, inputs));
  const finer = rewardWithMemory(recipe);
  if (finer) annotators.push(await thoughtMemory(context, inputs, finer));
  return annotators;
}
