/** The experiments: a new one is a file beside this and a line here. */
import { execution } from './execution.ts';
import type { Experiment } from './experiment.ts';
import { finer } from './finer.ts';
import { finestep } from './finestep.ts';
import { loop } from './loop.ts';
import { overBroad } from './over-broad.ts';
import { rewardSql } from './reward-sql.ts';

export const EXPERIMENTS: readonly Experiment[] = [
  ...[loop, execution, overBroad, finer, finestep, rewardSql],
];
