/** What only a recipe as a whole can get wrong: checked when one is read, after each field by itself. */
import { makeProtocol } from '../episode/index.ts';
import { badInput } from '../errors.ts';
import { dominates, largestAlpha, type Values } from '../reward/dominance.ts';
import type { FinestepOptions } from '../reward/finestep.ts';
import type { Recipe, RecipeOf } from './schema.ts';

/** Discounts under which process rewards and outcome are added up; none where credit ignores process rewards. */
function discounts({ credit }: RecipeOf<'grpo'>): number[] {
  const { process, gamma } = credit.options as { process?: boolean | string; gamma: number };
  switch (credit.name) {
    case 'finestep':
      return process ? [gamma] : [];
    case 'gigpo': // steps, and whole episodes
      return [gamma, 1];
    case 'group-relative':
      return process === 'sum' ? [1] : [];
    default:
      return [];
  }
}

/** Values of the process rewards in units of alpha. */
function valuesPerAlpha(options: FinestepOptions): Values {
  const { right, wrong, unanswered, novel, empty, failed, repeated, malformed } = options;
  const events = [novel, empty, failed, repeated, malformed, 0];
  const [best, worst] = [Math.max(...events), Math.min(...events)];
  return { right, wrong, unanswered, best, worst };
}

/** Outcome dominance (papers.md §1.3): no step of a wrong episode may be worth as much as one of a right. */
function checkDominance(recipe: RecipeOf<'grpo'>): void {
  if (recipe.reward.name !== 'finestep') return;
  const options = recipe.reward.options as FinestepOptions;
  const turns = makeProtocol(recipe.protocol, recipe.turns).maxTurns;
  const { alpha } = options;
  const values = valuesPerAlpha(options);
  const actual = { ...values, best: alpha * values.best, worst: alpha * values.worst };
  for (const gamma of discounts(recipe)) {
    if (dominates(actual, gamma, turns)) continue;
    const bound = Math.floor(largestAlpha(values, gamma, turns) * 1e4) / 1e4;
    throw badInput(
      'reward.options.alpha',
      alpha,
      `at most ${bound} with gamma ${gamma} and ${turns} turns, or a step of a wrong episode could be worth ` +
        'more than one of a right episode',
    );
  }
}

/** Credit by step values needs a reward that gives them, and gives them apart from the outcome. */
function checkStepValues({ reward, credit, process_values }: RecipeOf<'grpo'>): void {
  if (reward.name === 'reward-sql' && process_values.source === 'none') {
    const expected = 'prm, oracle or shuffled: reward-sql pays for the values of steps';
    throw badInput('process_values.source', 'none', expected);
  }
  if (credit.name !== 'process-weighted') return;
  if (reward.name !== 'reward-sql') {
    throw badInput(
      'reward.name',
      reward.name,
      'reward-sql, which gives process-weighted credit its step values',
    );
  }
  const { process_coefficient } = reward.options as { process_coefficient: number };
  if (process_coefficient > 0) {
    throw badInput(
      'reward.options.process_coefficient',
      process_coefficient,
      '0: process-weighted credit adds the step values itself (credit.options.process_coefficient)',
    );
  }
}

/** CISPO caps ratios at `epsilon_high` itself, which has no default then. */
function checkCap({ grpo: { loss_type, epsilon_high } }: RecipeOf<'grpo'>): void {
  if (loss_type !== 'cispo' || epsilon_high !== null) return;
  const expected = 'a number with loss_type cispo, whose ratios it caps (TRL recommends 5)';
  throw badInput('grpo.epsilon_high', epsilon_high, expected);
}

/** Throws `bad_input` naming the field to change. */
export function checkRules(recipe: Recipe): void {
  if (recipe.method !== 'grpo') return;
  checkDominance(recipe);
  checkStepValues(recipe);
  checkCap(recipe);
}
