/** The rewards: a new one is a file beside this and a line in `rewards`. */
import type * as v from 'valibot';
import type { Task } from '../data/task.ts';
import { badInput } from '../errors.ts';
import { findMethod, parseOptions, type OptionsSchema } from '../options.ts';
import type { QueryRequest } from '../sql/outcome.ts';
import { execution, executionOptions } from './execution.ts';
import { executionMatch, executionMatchOptions } from './execution-match.ts';
import { finestep, finestepOptions } from './finestep.ts';
import type { RewardFunction } from './reward.ts';

interface Definition<S extends OptionsSchema> {
  readonly description: string;
  /** Other names people know it by. */
  readonly aliases: readonly string[];
  readonly options: S;
  /** What results are compared with for this reward, preferred first. */
  readonly supervision: readonly ('gold' | 'answer')[];
  make(options: v.InferOutput<S>): RewardFunction;
}

export interface RewardMethod extends Omit<Definition<OptionsSchema>, 'make'> {
  /** Completes the options with defaults; bad ones throw `bad_input`. */
  make(options?: unknown): RewardFunction;
}

function define<S extends OptionsSchema>(name: string, method: Definition<S>): RewardMethod {
  return {
    ...method,
    make: (options = {}) => method.make(parseOptions(method.options, options, `reward.${name}`)),
  };
}

export const rewards: Readonly<Record<string, RewardMethod>> = {
  'execution-match': define('execution-match', {
    description: '1 if the result matches the gold, else 0 (the GRPO baseline)',
    aliases: ['grpo'],
    options: executionMatchOptions,
    supervision: ['gold', 'answer'],
    make: executionMatch,
  }),
  execution: define('execution', {
    description: 'executes / partial / exact, from the answer alone (arXiv 2506.06093)',
    aliases: [],
    options: executionOptions,
    // Where a dataset has gold SQL only, what it returns stands in for the answer.
    supervision: ['answer', 'gold'],
    make: execution,
  }),
  finestep: define('finestep', {
    description: 'outcome, and process rewards of each step by what the executor saw (FineStep)',
    aliases: [],
    options: finestepOptions,
    supervision: ['gold', 'answer'],
    make: finestep,
  }),
};

/** By name or alias; throws `bad_input` listing the rewards there are. */
export function findReward(name: string): RewardMethod {
  return findMethod(rewards, name, 'reward');
}

/** What to send along with a query so that `method` can judge its result. */
export function supervise(
  method: Pick<RewardMethod, 'supervision'>,
  task: Task,
): Pick<QueryRequest, 'gold' | 'answer'> {
  for (const kind of method.supervision) {
    if (kind === 'gold' && task.gold?.length) return { gold: task.gold };
    if (kind === 'answer' && task.answer) return { answer: task.answer };
  }
  throw badInput(`task ${task.id}`, null, method.supervision.join(' or '));
}
