/**
 * Soft overlong punishment (DAPO, arXiv 2503.14476, eq. 13): over the last `overlong_buffer` tokens of the length
 * limit a reward falls linearly, by `overlong_penalty` at the limit. DAPO's rewards are ±1: with rewards of 0 and 1
 * half its penalty has the same weight, and keeps a right answer above a wrong one.
 */
import type { Group } from './rollout.ts';

export interface OverlongOptions {
  max_completion_length: number;
  overlong_buffer: number;
  overlong_penalty: number;
}

/** 0 up to the buffer, −1 at the limit, in between in proportion. */
export function overlongPunishment(length: number, limit: number, buffer: number): number {
  const over = length - (limit - buffer);
  return over <= 0 ? 0 : -Math.min(1, over / buffer);
}

/** Groups whose rewards have the term `overlong`; the same groups without a buffer. */
export function punishOverlong(groups: Group[], options: OverlongOptions): Group[] {
  const { max_completion_length: limit, overlong_buffer, overlong_penalty } = options;
  if (overlong_buffer === 0) return groups;
  return groups.map((group) => ({
    ...group,
    rewards: group.rewards.map(({ total, terms, steps }, i) => {
      const { length } = group.episodes[i]!.tokens;
      const overlong = overlong_penalty * overlongPunishment(length, limit, overlong_buffer);
      return { total: total + overlong, terms: { ...terms, overlong }, steps };
    }),
  }));
}
