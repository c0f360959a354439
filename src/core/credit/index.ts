/** The credit assignments: a new one is a file beside this and a line in `credits`. */
import * as v from 'valibot';
import { findMethod, parseOptions, type OptionsSchema } from '../options.ts';
import type { CreditFunction } from './credit.ts';
import { finestepCredit, finestepCreditOptions } from './finestep.ts';
import { gigpo, gigpoOptions } from './gigpo.ts';
import { drGrpo, groupRelative, groupRelativeOptions, rloo } from './group-relative.ts';
import { processWeighted, processWeightedOptions } from './process-weighted.ts';

interface Definition<S extends OptionsSchema> {
  readonly description: string;
  /** Other names people know it by. */
  readonly aliases: readonly string[];
  readonly options: S;
  make(options: v.InferOutput<S>): CreditFunction;
}

export interface CreditMethod extends Omit<Definition<OptionsSchema>, 'make'> {
  /** Completes the options with defaults; bad ones throw `bad_input`. */
  make(options?: unknown): CreditFunction;
}

function define<S extends OptionsSchema>(name: string, method: Definition<S>): CreditMethod {
  return {
    ...method,
    make: (options = {}) => method.make(parseOptions(method.options, options, `credit.${name}`)),
  };
}

const noOptions = v.strictObject({});

export const credits: Readonly<Record<string, CreditMethod>> = {
  'group-relative': define('group-relative', {
    description: '(reward − group mean) / standard deviation, for the whole episode (GRPO)',
    aliases: ['grpo'],
    options: groupRelativeOptions,
    make: groupRelative,
  }),
  'dr-grpo': define('dr-grpo', {
    description: 'reward − group mean, for the whole episode (Dr. GRPO)',
    aliases: ['dr_grpo'],
    options: noOptions,
    make: drGrpo,
  }),
  rloo: define('rloo', {
    description: 'reward − mean of the others in the group, for the whole episode (RLOO)',
    aliases: [],
    options: noOptions,
    make: rloo,
  }),
  finestep: define('finestep', {
    description: 'step by step: discounted, smoothed, normalised in the group (FineStep)',
    aliases: [],
    options: finestepCreditOptions,
    make: finestepCredit,
  }),
  gigpo: define('gigpo', {
    description: 'episodes compared, and steps taken from the same state (GiGPO)',
    aliases: [],
    options: gigpoOptions,
    make: gigpo,
  }),
  'process-weighted': define('process-weighted', {
    description:
      'episodes compared, credit and blame shared out by the values of steps (Reward-SQL)',
    aliases: ['reward-sql'],
    options: processWeightedOptions,
    make: processWeighted,
  }),
};

/** By name or alias; throws `bad_input` listing the credit assignments there are. */
export function findCredit(name: string): CreditMethod {
  return findMethod(credits, name, 'credit');
}
