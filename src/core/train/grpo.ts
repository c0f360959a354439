/**
 * Group-relative policy optimisation (DeepSeekMath, arXiv 2402.03300) with TRL's options: sample
 * groups, reward, turn rewards into token advantages, take clipped surrogate steps.
 *
 * Mini-batches are made of whole groups, so that a group's prompt is computed once; TRL deals single
 * completions. With `beta` 0, completions whose advantages are all zero have no gradient and are left
 * out of the forward pass (they still count in every average).
 */
import type { Advantages, CreditEpisode, CreditFunction } from '../credit/credit.ts';
import { findCredit } from '../credit/index.ts';
import { shuffleRewards } from '../credit/shuffle.ts';
import { mean } from '../evaluate/statistics.ts';
import { Stream } from '../random/stream.ts';
import type { RecipeOf } from '../recipe/schema.ts';
import { advantageMetrics, type Credited } from './advantage-metrics.ts';
import type { RunContext } from './context.ts';
import type { Gradients } from './gradients.ts';
import type { Learner, UpdateResult } from './learner.ts';
import { surrogateOf, tokenWeight } from './loss.ts';
import { learningRate } from './optimizer.ts';
import { episodeMetrics } from './metrics.ts';
import type { PassValues, SurrogatePass } from './pass.ts';
import { dynamicRollout } from './dynamic-sampling.ts';
import { punishOverlong } from './overlong.ts';
import type { Group } from './rollout.ts';

type Options = RecipeOf<'grpo'>['grpo'];

/** One completion as the loss sees it. */
interface Sample extends Credited {
  advantages: Float32Array;
}

interface SampleGroup {
  prompt: Int32Array;
  samples: Sample[];
}

export function grpoLearner(context: RunContext): Learner {
  const recipe = context.recipe as RecipeOf<'grpo'>;
  const credit = findCredit(recipe.credit.name).make(recipe.credit.options);
  const options = recipe.grpo;
  return {
    updates: options.num_updates,
    async update(update): Promise<UpdateResult> {
      const sampled = await dynamicRollout(context, options, recipe.reward, update);
      const groups = punishOverlong(sampled.groups, options);
      const advantages = assignCredit(groups, credit, recipe, update);
      const samples = samplesOf(groups, advantages, options);
      const metrics = await optimise(context, options, samples, update);
      const noted = Object.assign({}, ...context.annotators.map((a) => a.metrics?.() ?? {}));
      return {
        metrics: {
          ...episodeMetrics(groups),
          ...sampled.metrics,
          ...noted,
          ...advantageMetrics(samples.flatMap((group) => group.samples)),
          ...metrics,
        },
        groups,
      };
    },
  };
}

function assignCredit(
  groups: readonly Group[],
  credit: CreditFunction,
  recipe: RecipeOf<'grpo'>,
  update: number,
): Advantages[][] {
  let inputs = groups.map(({ episodes, rewards }) =>
    episodes.map(({ steps, mask, entropies }, i): CreditEpisode => ({
      ...{ outcome: rewards[i]!.total, rewards: rewards[i]!.steps, steps, mask },
      anchors: steps.map((_, s) => steps[s - 1]?.observation ?? ''),
      entropies: steps.map(({ start, end }) => {
        const written = entropies.subarray(start, end);
        return written.length > 0 ? mean(Array.from(written)) : 0;
      }),
    })),
  );
  if (recipe.grpo.shuffle_rewards) {
    inputs = inputs.map((group, g) =>
      shuffleRewards(group, new Stream(recipe.seed, 'shuffle', update, g)),
    );
  }
  const advantages = credit(inputs);
  groups.forEach((group, g) => (group.advantages = advantages[g]!.map(({ steps }) => steps)));
  return advantages;
}

function samplesOf(
  groups: readonly Group[],
  advantages: readonly Advantages[][],
  options: Options,
): SampleGroup[] {
  return groups.map(({ prompt, episodes }, g) => ({
    prompt,
    samples: episodes.map((episode, i) => {
      const masked = options.mask_truncated_completions && !episode.terminated;
      const length = masked ? 0 : episode.mask.reduce((sum, m) => sum + m, 0);
      return { episode, advantages: advantages[g]![i]!.tokens, length };
    }),
  }));
}

/** All optimiser steps of one update; returns their metrics. */
async function optimise(
  context: RunContext,
  options: Options,
  groups: SampleGroup[],
  update: number,
): Promise<Record<string, number>> {
  const { recipe, optimizer } = context;
  const rate = learningRate(recipe.optimizer, update - 1, options.num_updates);
  const totals = new StepTotals();
  for (let iteration = 0; iteration < options.num_iterations; iteration++) {
    const order = new Stream(recipe.seed, 'mini-batches', update, iteration).shuffle(groups);
    for (const batch of split(order, options.mini_batches)) {
      // The policy that sampled is the current one only before the first step.
      const onPolicy = options.mini_batches === 1 && options.num_iterations === 1;
      const grads = await accumulate(context, options, batch, onPolicy, totals);
      if (grads) totals.norms.push(await optimizer.apply(grads, rate));
    }
  }
  return totals.metrics(rate, options.beta);
}

/** `count` nearly equal parts, empty ones left out. */
function split<T>(items: readonly T[], count: number): T[][] {
  const parts = Array.from({ length: count }, (_, i) =>
    items.slice(
      Math.floor((i * items.length) / count),
      Math.floor(((i + 1) * items.length) / count),
    ),
  );
  return parts.filter((part) => part.length > 0);
}

/** Gradients of one optimiser step, summed over forward passes; undefined when there is none. */
async function accumulate(
  context: RunContext,
  options: Options,
  batch: SampleGroup[],
  onPolicy: boolean,
  totals: StepTotals,
): Promise<Gradients | undefined> {
  const sequences = batch.reduce((sum, { samples }) => sum + samples.length, 0);
  const tokens = sum(batch.flatMap(({ samples }) => samples.map(({ length }) => length)));
  totals.count(tokens);
  const passes: SurrogatePass[] = [];
  for (const local of microBatches(batch, options.per_device_train_batch_size)) {
    const localSamples = local.flatMap(({ samples }) => samples);
    const scale = {
      loss_type: options.loss_type,
      max_completion_length: options.max_completion_length,
      sequences,
      tokens,
      localTokens: sum(localSamples.map(({ length }) => length)),
      localShare: localSamples.length / sequences,
    };
    const useful = local
      .map(({ prompt, samples }) => ({
        prompt,
        samples: samples.filter(
          ({ length, advantages }) =>
            length > 0 && (options.beta > 0 || advantages.some((value) => value !== 0)),
        ),
      }))
      .filter(({ samples }) => samples.length > 0);
    if (useful.length === 0) continue;
    passes.push(passOf(options, useful, (length) => tokenWeight(scale, length), onPolicy));
  }
  const { grads, values } = await context.compute.backward(passes);
  values.forEach((pass, i) => totals.add(pass, passes[i]!));
  return grads;
}

/** Whole groups until a forward pass has `size` sequences. */
function microBatches(groups: SampleGroup[], size: number): SampleGroup[][] {
  const batches: SampleGroup[][] = [];
  let sequences = Infinity;
  for (const group of groups) {
    if (sequences + group.samples.length > size) {
      batches.push([]);
      sequences = 0;
    }
    batches.at(-1)!.push(group);
    sequences += group.samples.length;
  }
  return batches;
}

/** @param weightOf weight of each token of a sample with so many loss tokens */
function passOf(
  options: Options,
  groups: SampleGroup[],
  weightOf: (length: number) => number,
  onPolicy: boolean,
): SurrogatePass {
  const samples = groups.flatMap((group) => group.samples);
  const flat = (of: (sample: Sample) => ArrayLike<number>): Float32Array =>
    Float32Array.from(samples.flatMap((sample) => Array.from(of(sample))));
  const { epsilon, epsilon_high, delta, beta, importance_sampling_level, temperature } = options;
  return {
    kind: 'surrogate',
    items: groups.map(({ prompt, samples }) => ({
      prompt,
      completions: samples.map(({ episode }) => episode.tokens),
    })),
    advantages: flat((sample) => sample.advantages),
    weights: flat(({ episode, length }) => {
      const weight = weightOf(length);
      return Float32Array.from(episode.mask, (m) => (m ? weight : 0));
    }),
    mask: flat(({ episode }) => episode.mask),
    oldLogProbs: onPolicy ? null : flat(({ episode }) => episode.logProbs),
    temperature,
    options: {
      ...{ surrogate: surrogateOf(options.loss_type), epsilon, epsilon_high, delta, beta },
      importance_sampling_level,
    },
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);

/** TRL's loss, KL and clipping metrics over the tokens of all steps of an update. */
class StepTotals {
  readonly norms: number[] = [];
  #loss = 0;
  #tokens = 0;
  #low = 0;
  #high = 0;
  #kl = 0;

  /** Loss tokens of one step, those left out of the forward pass included. */
  count(tokens: number): void {
    this.#tokens += tokens;
  }

  add({ loss, ratios, kl }: PassValues, { mask, advantages, options }: SurrogatePass): void {
    const { surrogate } = options;
    // CISPO caps ratios, SAPO bounds none.
    const low = surrogate === 'clip' ? 1 - options.epsilon : -Infinity;
    const above = surrogate === 'cispo' ? 0 : 1;
    const high =
      surrogate === 'sapo' ? Infinity : above + (options.epsilon_high ?? options.epsilon);
    this.#loss += loss;
    for (let t = 0; t < mask.length; t++) {
      if (!mask[t] || !ratios) continue;
      if (ratios[t]! < low && advantages[t]! < 0) this.#low++;
      if (ratios[t]! > high && advantages[t]! > 0) this.#high++;
      if (kl) this.#kl += kl[t]!;
    }
  }

  metrics(rate: number, beta: number): Record<string, number> {
    const steps = Math.max(1, this.norms.length);
    const tokens = Math.max(1, this.#tokens);
    return {
      loss: this.#loss / steps,
      grad_norm: this.norms.length > 0 ? mean(this.norms) : 0,
      learning_rate: rate,
      'clip_ratio/low_mean': this.#low / tokens,
      'clip_ratio/high_mean': this.#high / tokens,
      'clip_ratio/region_mean': (this.#low + this.#high) / tokens,
      ...(beta > 0 && { kl: this.#kl / tokens }),
    };
  }
}
