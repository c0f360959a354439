/** From the rewards of a group to an advantage for every step and every token. */

/** What credit may look at of one episode: plain numbers, so that it can be checked from outside. */
export interface CreditEpisode {
  /** `RewardBreakdown.total`; NaN when missing. */
  outcome: number;
  /** Process reward of each step, apart from the outcome; empty when the reward gives none. */
  rewards: readonly number[];
  /** Token span of each step, end exclusive; `thoughtEnd` ends the tokens of its reasoning. */
  steps: readonly { readonly start: number; readonly end: number; readonly thoughtEnd?: number }[];
  /** What the policy had been shown last before each step ('' before the first): GiGPO's anchor states. */
  anchors?: readonly string[];
  /** Mean entropy of the policy over the tokens of each step, nats. */
  entropies?: readonly number[];
  /** (T) 1 = written by the policy. */
  mask: ArrayLike<number>;
}

export interface Advantages {
  /** One number a step. */
  steps: number[];
  /** (T) per token, 0 where the mask is 0. */
  tokens: Float32Array;
}

/** One `Advantages` per episode, in the order given. A group is all episodes of one task. */
export type CreditFunction = (groups: readonly (readonly CreditEpisode[])[]) => Advantages[][];

/** The same advantage for every step and every written token of an episode. */
export function broadcast(advantage: number, episode: CreditEpisode): Advantages {
  const tokens = new Float32Array(episode.mask.length);
  for (let t = 0; t < tokens.length; t++) tokens[t] = episode.mask[t] ? advantage : 0;
  return { steps: episode.steps.map(() => advantage), tokens };
}

/** Each step's advantage on its own written tokens; tokens outside every step get 0. */
export function spread(advantages: readonly number[], episode: CreditEpisode): Advantages {
  const tokens = new Float32Array(episode.mask.length);
  episode.steps.forEach(({ start, end }, i) => {
    for (let t = start; t < end; t++) tokens[t] = episode.mask[t] ? advantages[i]! : 0;
  });
  return { steps: [...advantages], tokens };
}

/**
 * Whether the episodes have the same outcome, the same number of steps and, with `process`, the same process
 * rewards: such a group has nothing to compare, and step-level credit must not tell its early steps from its
 * late ones.
 */
export function allAlike(group: readonly CreditEpisode[], process = true): boolean {
  return group.every(({ outcome, rewards, steps }) => {
    const first = group[0]!;
    return (
      outcome === first.outcome &&
      steps.length === first.steps.length &&
      (!process ||
        (rewards.length === first.rewards.length &&
          rewards.every((reward, t) => reward === first.rewards[t])))
    );
  });
}
