/** Supervised fine-tuning on question → SQL. */
import type { Task } from '../data/task.ts';
import { badInput } from '../errors.ts';
import { Stream } from '../random/stream.ts';
import type { RecipeOf } from '../recipe/schema.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { RunContext } from './context.ts';
import { imitate, type ImitationItem } from './imitate.ts';
import type { Learner } from './learner.ts';
import { learningRate } from './optimizer.ts';
import { tasksOfUpdate } from './rollout.ts';

/** A text to imitate: turns, each with what the policy is shown after it. */
export interface Example {
  prompt: string;
  turns: readonly ExampleTurn[];
}

export interface ExampleTurn {
  text: string;
  /** Read, not imitated; absent after the last turn. */
  observation?: string;
}

/** An endless corpus: example `index` of `update`, the same whenever it is asked for. */
export type Corpus = (update: number, index: number) => Example;

/** Turns as an episode has them: each ends with the end-of-sequence token; mask 1 on what a policy writes. */
export function encodeTurns(
  turns: readonly ExampleTurn[],
  tokenizer: Tokenizer,
): { tokens: Int32Array; mask: Uint8Array } {
  const tokens: number[] = [];
  const mask: number[] = [];
  const add = (ids: ArrayLike<number>, written: 0 | 1): void => {
    for (let i = 0; i < ids.length; i++) {
      tokens.push(ids[i]!);
      mask.push(written);
    }
  };
  for (const { text, observation } of turns) {
    add([...tokenizer.encode(text), tokenizer.eosId!], 1);
    if (observation !== undefined) add(tokenizer.encode(observation), 0);
  }
  return { tokens: Int32Array.from(tokens), mask: Uint8Array.from(mask) };
}

function goldOf({ id, gold }: Task): string[] {
  if (!gold?.length) throw badInput(`task ${id}: gold`, gold, 'gold SQL: SFT imitates it');
  return gold;
}

/** @param corpus read instead of the tasks' gold SQL */
export function sftLearner(context: RunContext, corpus?: Corpus): Learner {
  const recipe = context.recipe as RecipeOf<'sft'>;
  const options = recipe.sft;
  const { tokenizer } = context;
  const item = (prompt: Int32Array, turns: readonly ExampleTurn[]): ImitationItem => {
    const { tokens, mask } = encodeTurns(turns, tokenizer);
    if (options.completion_only_loss) return { prompt, completions: [tokens], masks: [mask] };
    const whole = Int32Array.from([...prompt, ...tokens]);
    return { prompt: whole.subarray(0, 1), completions: [whole.subarray(1)] };
  };
  return {
    updates: options.num_updates,
    async update(update) {
      const items = corpus
        ? Array.from({ length: options.batch_size }, (_, i) => {
            const { prompt, turns } = corpus(update, i);
            return item(tokenizer.encode(prompt), turns);
          })
        : tasksOfUpdate(context.tasks, options.batch_size, recipe.seed, update).map((task) =>
            item(context.prompts.of(task), [
              { text: new Stream(recipe.seed, 'gold', update).pick(goldOf(task)) },
            ]),
          );
      const rate = learningRate(recipe.optimizer, update - 1, options.num_updates);
      const { loss, grad_norm, tokens } = await imitate(
        context,
        items,
        options.per_device_train_batch_size,
        rate,
      );
      const metrics = { loss, grad_norm, learning_rate: rate, num_tokens: tokens };
      return { metrics, groups: [] };
    },
  };
}
