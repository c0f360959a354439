/**
 * Writes `Step.value` before rewards and credit read it: the probability that the steps up to there lead to the
 * right answer. By a process reward model, by completions of the policy itself (the oracle that tells a bad
 * model from a bad formula), or by a model's scores permuted at random (the control).
 */
import { badInput } from '../errors.ts';
import { rocAuc } from '../evaluate/calibration.ts';
import { mean } from '../evaluate/statistics.ts';
import type { Policy } from '../model/policy.ts';
import { Stream } from '../random/stream.ts';
import type { Recipe, RecipeOf } from '../recipe/schema.ts';
import type { Annotator, WrittenGroup } from './annotator.ts';
import { maxCompletionLength } from './batches.ts';
import { localCompute, type Compute } from './compute.ts';
import type { RunContext } from './context.ts';
import { batchedGoOn } from './prm/go-on.ts';
import { PrmScorer, type PrmModel } from './prm/scorer.ts';
import { endsRight, monteCarloValues } from './prm/values.ts';

/** The source of step values that a recipe asks for. */
export const valueSource = (recipe: Recipe): RecipeOf<'grpo'>['process_values']['source'] =>
  recipe.method === 'grpo' ? recipe.process_values.source : 'none';

/** Whether a recipe needs a process reward model. */
export const needsProcessModel = (recipe: Recipe): boolean =>
  ['prm', 'shuffled'].includes(valueSource(recipe));

export interface StepValueInputs {
  /** The policy where the run began. Not kept: the oracle clones it. */
  start: Policy;
  processModel?: PrmModel | undefined;
}

type Context = Omit<RunContext, 'annotators'>;

type Values = (groups: readonly WrittenGroup[], update: number) => Promise<number[][][]>;

/** Throws `bad_input` when the model cannot read this run's episodes. */
function checkModel(model: PrmModel | undefined, { recipe, tokenizer }: Context): PrmModel {
  const field = 'process_values.checkpoint';
  if (!model) throw badInput(field, null, 'a process reward model');
  if (model.tokenizer.files['tokenizer.json'] !== tokenizer.files['tokenizer.json']) {
    throw badInput(field, 'another tokenizer', "a model with the policy's tokenizer");
  }
  if (model.protocol !== recipe.protocol) {
    throw badInput(field, model.protocol, `a model for the protocol ${recipe.protocol}`);
  }
  return model;
}

function oracle(context: Context, compute: Compute): Values {
  const recipe = context.recipe as RecipeOf<'grpo'>;
  const { temperature, top_p } = recipe.grpo;
  const goOn = batchedGoOn(
    { ...context, compute },
    {
      ...{ temperature, top_p, max_completion_length: maxCompletionLength(recipe) },
      eos_token_id: context.tokenizer.eosId!,
    },
  );
  return async (groups, update) => {
    const numbered = groups.map(({ episodes }, number) => ({ number, episodes }));
    const { values } = await monteCarloValues(goOn, numbered, {
      samples: recipe.process_values.rollouts,
      maxTurns: context.prompts.protocol.maxTurns,
      draws: { seed: recipe.seed, purpose: 'oracle', update },
    });
    return values;
  };
}

/** The same values in other places: those of all steps of an update, permuted. */
function permuted(values: readonly number[][][], stream: Stream): number[][][] {
  const shuffled = stream.shuffle(values.flat(2));
  let next = 0;
  return values.map((group) => group.map((steps) => steps.map(() => shuffled[next++]!)));
}

function valuesBy(context: Context, inputs: StepValueInputs): Values & { dispose?: () => void } {
  const recipe = context.recipe as RecipeOf<'grpo'>;
  const { source, policy } = recipe.process_values;
  if (source === 'oracle') {
    if (policy === 'current') return oracle(context, context.compute);
    const initial = inputs.start.clone();
    return Object.assign(oracle(context, localCompute(initial)), {
      dispose: () => initial.dispose(),
    });
  }
  const scorer = new PrmScorer(checkModel(inputs.processModel, context));
  if (source === 'prm') return (groups) => scorer.score(groups);
  return async (groups, update) =>
    permuted(await scorer.score(groups), new Stream(recipe.seed, 'process-values', update));
}

/** For recipes whose `valueSource` is not `none`. */
export function stepValues(context: Context, inputs: StepValueInputs): Annotator {
  const valuesOf = valuesBy(context, inputs);
  let noted: Record<string, number> = {};
  return {
    async annotate(groups, update) {
      const values = await valuesOf(groups, update);
      const forecasts: { score: number; label: number }[] = [];
      groups.forEach(({ episodes }, g) =>
        episodes.forEach((episode, e) => {
          const label = Number(endsRight(episode));
          episode.steps.forEach((step, s) => {
            step.value = values[g]![e]![s]!;
            forecasts.push({ score: step.value, label });
          });
        }),
      );
      const auc = rocAuc(forecasts);
      noted = {
        'process/value_mean': forecasts.length > 0 ? mean(forecasts.map((f) => f.score)) : 0,
        // Of all step values against how their episodes ended; none where all ended alike.
        ...(Number.isFinite(auc) && { 'process/auc': auc }),
      };
    },
    metrics: () => noted,
    dispose: () => valuesOf.dispose?.(),
  };
}
