/** The rewards: a new one is a file beside this and a line in `rewards`. */
import type * as v from 'valibot';
import type { Task } from '../data/task.ts';
import { badInput } from '../errors.ts';
import { findMethod, parseOptions, type OptionsSchema } from '../options.ts';
import type { QueryRequest } from '../sql/outcome.ts';
import { arctic, arcticOptions } from './arctic.ts';
import { execution, executionOptions } from './execution.ts';
import { executionMatch, executionMatchOptions } from './execution-match.ts';
import { finer, finerOptions, prepareFiner } from './finer.ts';
import { finestep, finestepOptions } from './finestep.ts';
import type { RewardFunction } from './reward.ts';
import { rewardSql, rewardSqlOptions } from './reward-sql.ts';
import { skyrl, skyrlOptions } from './skyrl.ts';
import { sqlR1, sqlR1Options } from './sql-r1.ts';
import { think2sql, think2sqlOptions } from './think2sql.ts';

interface Definition<S extends OptionsSchema> {
  readonly description: string;
  /** Other names people know it by. */
  readonly aliases: readonly string[];
  readonly options: S;
  /** What results are compared with for this reward, preferred first. */
  readonly supervision: readonly ('gold' | 'answer')[];
  make(options: v.InferOutput<S>): RewardFunction;
  /** Loads what the reward function needs: rewards themselves never wait. */
  prepare?(options: v.InferOutput<S>): Promise<void>;
}

export interface RewardMethod extends Omit<Definition<OptionsSchema>, 'make' | 'prepare'> {
  /** Completes the options with defaults; bad ones throw `bad_input`. */
  make(options?: unknown): RewardFunction;
  /** To be awaited before each batch that the function of these options is to reward. */
  prepare(options?: unknown): Promise<void>;
}

function define<S extends OptionsSchema>(name: string, method: Definition<S>): RewardMethod {
  const complete = (options: unknown = {}): v.InferOutput<S> =>
    parseOptions(method.options, options, `reward.${name}`);
  return {
    ...method,
    make: (options) => method.make(complete(options)),
    prepare: async (options) => method.prepare?.(complete(options)),
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
  finer: define('finer', {
    description: 'format gate × (1 + execution and atomic operations + memory) (FINER-SQL)',
    aliases: ['finer-sql'],
    options: finerOptions,
    supervision: ['gold', 'answer'],
    make: finer,
    prepare: prepareFiner,
  }),
  finestep: define('finestep', {
    description: 'outcome, and process rewards of each step by what the executor saw (FineStep)',
    aliases: [],
    options: finestepOptions,
    supervision: ['gold', 'answer'],
    make: finestep,
  }),
  'reward-sql': define('reward-sql', {
    description: 'outcome, and the value of each step by a process reward model (Reward-SQL)',
    aliases: [],
    options: rewardSqlOptions,
    supervision: ['gold', 'answer'],
    make: rewardSql,
  }),
  skyrl: define('skyrl', {
    description: '1 / 0, or −1 where the format is broken (SkyRL-SQL)',
    aliases: [],
    options: skyrlOptions,
    supervision: ['gold', 'answer'],
    make: skyrl,
  }),
  'sql-r1': define('sql-r1', {
    description: 'format ±1, execution ±2, result ±3, and length on a match (SQL-R1)',
    aliases: [],
    options: sqlR1Options,
    supervision: ['gold', 'answer'],
    make: sqlR1,
  }),
  arctic: define('arctic', {
    description: '1 for a match, 0.1 for SQL that runs (Arctic-Text2SQL-R1)',
    aliases: [],
    options: arcticOptions,
    supervision: ['gold', 'answer'],
    make: arctic,
  }),
  think2sql: define('think2sql', {
    description: 'QATCH or a match, format and tags (Think2SQL)',
    aliases: [],
    options: think2sqlOptions,
    supervision: ['gold', 'answer'],
    make: think2sql,
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
