/**
 * What a reward needs and only the loop can compute (embeddings of thoughts, values of a process reward model) is
 * written into episodes before they are rewarded: rewards stay pure functions of an episode.
 */
import type { RewardBreakdown } from '../reward/reward.ts';
import type { Episode } from '../episode/episode.ts';
import type { Task } from '../data/task.ts';
import type { CheckpointFiles } from './run-store.ts';

/** All episodes of one question, not yet rewarded. */
export interface WrittenGroup {
  task: Task;
  prompt: Int32Array;
  episodes: Episode[];
}

export interface Annotator {
  /** Writes into the episodes of an update; resolves when all is in place. */
  annotate(groups: readonly WrittenGroup[], update: number): Promise<void>;
  /** Hears what the episodes earned: what grows in training grows here, in the order of groups and episodes. */
  learn?(groups: readonly (WrittenGroup & { rewards: RewardBreakdown[] })[]): Promise<void> | void;
  /** Of the update just done, for the run's metrics. */
  metrics?(): Record<string, number>;
  /** Files it adds to a checkpoint, and takes back from one. */
  save?(): CheckpointFiles;
  restore?(files: CheckpointFiles): void;
  dispose?(): void;
}
