/** Supervised fine-tuning on question → SQL. */
import type { Task } from '../data/task.ts';
import { badInput } from '../errors.ts';
import { Stream } from '../random/stream.ts';
import type { PackItem } from '../model/pack.ts';
import type { RecipeOf } from '../recipe/schema.ts';
import type { RunContext } from './context.ts';
import { imitate } from './imitate.ts';
import type { Learner } from './learner.ts';
import { learningRate } from './optimizer.ts';
import { tasksOfUpdate } from './rollout.ts';

/** A text to imitate. */
export interface Example {
  prompt: string;
  sql: string;
}

/** An endless corpus: example `index` of `update`, the same whenever it is asked for. */
export type Corpus = (update: number, index: number) => Example;

function goldOf({ id, gold }: Task): string[] {
  if (!gold?.length) throw badInput(`task ${id}: gold`, gold, 'gold SQL: SFT imitates it');
  return gold;
}

/** @param corpus read instead of the tasks' gold SQL */
export function sftLearner(context: RunContext, corpus?: Corpus): Learner {
  const recipe = context.recipe as RecipeOf<'sft'>;
  const options = recipe.sft;
  const { tokenizer } = context;
  const completion = (sql: string): Int32Array =>
    Int32Array.from([...tokenizer.encode(sql), tokenizer.eosId!]);
  const item = (prompt: Int32Array, sql: string): PackItem => {
    if (options.completion_only_loss) return { prompt, completions: [completion(sql)] };
    const whole = Int32Array.from([...prompt, ...completion(sql)]);
    return { prompt: whole.subarray(0, 1), completions: [whole.subarray(1)] };
  };
  return {
    updates: options.num_updates,
    async update(update) {
      const items = corpus
        ? Array.from({ length: options.batch_size }, (_, i) => {
            const { prompt, sql } = corpus(update, i);
            return item(tokenizer.encode(prompt), sql);
          })
        : tasksOfUpdate(context.tasks, options.batch_size, recipe.seed, update).map((task) =>
            item(
              context.prompts.of(task),
              new Stream(recipe.seed, 'gold', update).pick(goldOf(task)),
            ),
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
