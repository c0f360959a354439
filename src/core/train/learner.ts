/** What the run loop asks of a training method. A new method is a file beside this and a line in run.ts. */
import type { Group } from './rollout.ts';

export interface UpdateResult {
  /** TRL's metric names. */
  metrics: Record<string, number>;
  /** Episodes of the update; empty for methods that sample none. */
  groups: readonly Group[];
}

export interface Learner {
  /** Length of the run in updates. */
  readonly updates: number;
  /** Performs update number `update`, counted from 1. */
  update(update: number): Promise<UpdateResult>;
}
