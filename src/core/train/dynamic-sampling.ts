/**
 * Dynamic sampling (DAPO, arXiv 2503.14476, §3.2): groups whose rewards are all equal teach nothing, and are
 * replaced by groups of further prompts, until the batch is full of others or the rounds are used up.
 *
 * DAPO draws on without end; here rounds are bounded, and places that are still without a difference keep their
 * group. Further prompts come in an order of the update's own, so that a run that is resumed draws the same.
 */
import { Stream } from '../random/stream.ts';
import type { RewardChoice } from '../reward/service.ts';
import type { RunContext } from './context.ts';
import {
  rollout,
  sampleGroups,
  tasksOfUpdate,
  type Group,
  type RolloutOptions,
} from './rollout.ts';

export interface DynamicOptions extends RolloutOptions {
  dynamic_sampling: boolean;
  max_resample: number;
}

/** Whether the rewards that are there differ (`total`: DAPO filters by the outcome). */
export function differs({ rewards }: Pick<Group, 'rewards'>): boolean {
  const totals = rewards.map(({ total }) => total).filter((total) => !Number.isNaN(total));
  return totals.some((total) => total !== totals[0]);
}

const tokensOf = (groups: readonly Group[]): number =>
  groups
    .flatMap(({ episodes }) => episodes)
    .reduce((sum, { mask }) => sum + mask.reduce((n, m) => n + m, 0), 0);

/**
 * The groups of one update, and what replacing cost: `dynamic_sampling/rounds`, groups `discarded`, places left
 * `unfilled`, `tokens` written for nothing. Annotators learn from the groups that are kept.
 */
export async function dynamicRollout(
  context: RunContext,
  options: DynamicOptions,
  reward: RewardChoice,
  update: number,
): Promise<{ groups: Group[]; metrics: Record<string, number> }> {
  if (!options.dynamic_sampling) {
    return { groups: await rollout(context, options, reward, update), metrics: {} };
  }
  const { seed } = context.recipe;
  const chosen = tasksOfUpdate(context.tasks, options.prompts_per_update, seed, update);
  const groups = await sampleGroups(context, options, reward, update, chosen);
  const taken = new Set(chosen);
  const further = new Stream(seed, 'resample', update).shuffle(
    context.tasks.filter((task) => !taken.has(task)),
  );
  const discarded: Group[] = [];
  let rounds = 0;
  let drawn = 0;
  for (; rounds < options.max_resample; rounds++) {
    const places = [...groups.keys()].filter((place) => !differs(groups[place]!));
    const tasks = further.slice(drawn, drawn + places.length);
    if (tasks.length === 0) break;
    const first = chosen.length + drawn;
    drawn += tasks.length;
    const fresh = await sampleGroups(context, options, reward, update, tasks, first);
    let place = 0;
    for (const group of fresh) {
      if (differs(group)) {
        const at = places[place++]!;
        discarded.push(groups[at]!);
        groups[at] = group;
      } else discarded.push(group);
    }
  }
  for (const annotator of context.annotators) await annotator.learn?.(groups);
  return {
    groups,
    metrics: {
      'dynamic_sampling/rounds': rounds,
      'dynamic_sampling/discarded': discarded.length,
      'dynamic_sampling/unfilled': groups.filter((group) => !differs(group)).length,
      'dynamic_sampling/tokens': tokensOf(discarded),
    },
  };
}
