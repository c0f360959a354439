/**
 * Rejection-sampling fine-tuning (RFT, arXiv 2308.01825; "expert iteration"): sample as GRPO does, keep
 * the completions whose result is right, imitate them. The control for what the negative half of the
 * advantage is worth: same episodes, no blame.
 */
import { Stream } from '../random/stream.ts';
import type { RecipeOf } from '../recipe/schema.ts';
import type { RunContext } from './context.ts';
import { answerStep, type Episode } from '../episode/episode.ts';
import { imitate, type ImitationItem } from './imitate.ts';
import type { Learner } from './learner.ts';
import { episodeMetrics } from './metrics.ts';
import { learningRate } from './optimizer.ts';
import { rollout, type Group } from './rollout.ts';

/** Different right completions of each question, one item each. */
function accepted(groups: readonly Group[]): ImitationItem[] {
  return groups.flatMap(({ prompt, episodes }) => {
    const kept = new Map<string, Episode>();
    for (const episode of episodes) {
      const right = episode.terminated && answerStep(episode)?.comparison?.bird;
      if (right) kept.set(episode.tokens.join(), episode);
    }
    return [...kept.values()].map(({ tokens, mask }) => ({
      ...{ prompt, completions: [tokens], masks: [mask] },
    }));
  });
}

export function rejectionSftLearner(context: RunContext): Learner {
  const recipe = context.recipe as RecipeOf<'rejection_sft'>;
  const options = recipe.rejection_sft;
  return {
    updates: options.num_updates,
    async update(update) {
      const groups = await rollout(context, options, recipe.reward, update);
      const items = accepted(groups);
      const rate = learningRate(recipe.optimizer, update - 1, options.num_updates);
      let loss = 0;
      let steps = 0;
      for (let iteration = 0; iteration < options.num_iterations; iteration++) {
        const order = new Stream(recipe.seed, 'mini-batches', update, iteration).shuffle(items);
        const share = Math.ceil(order.length / options.mini_batches);
        for (let start = 0; start < order.length; start += share) {
          const batch = order.slice(start, start + share);
          const size = options.per_device_train_batch_size;
          loss += (await imitate(context, batch, size, rate)).loss;
          steps++;
        }
      }
      const metrics = {
        ...episodeMetrics(groups),
        ...(steps > 0 && { loss: loss / steps }),
        learning_rate: rate,
        accepted: items.length / (options.num_generations * groups.length),
      };
      return { metrics, groups };
    },
  };
}
