/**
 * The warm start of the tools protocol, in the world whose names and spellings only tools tell: it calls what is
 * needed, wastes calls in each of three ways, leaves some out, and errs in SQL (data/nursery/hidden/habits.ts).
 */
import { ToolTraces } from '../../data/nursery/hidden/corpus.ts';
import { drill, drillWords } from '../../data/nursery/hidden/drill.ts';
import { hiddenSchemas } from '../../data/nursery/hidden/skills.ts';
import { trainSchemas } from '../../data/nursery/index.ts';
import { TOOL_TAGS } from '../../episode/tools.ts';
import { toolMetrics } from '../../evaluate/tools.ts';
import type { TurnOptions } from '../../episode/index.ts';
import { Stream } from '../../random/stream.ts';
import { evaluateGreedy } from '../evaluation.ts';
import type { Corpus } from '../sft.ts';
import type { WarmStartKind } from './kind.ts';
import { nurseryOf } from './nursery.ts';

export const toolsWarmStart: WarmStartKind = {
  description: 'calls that tell what is hidden, then SQL',
  updates: { gold: 7700, planted: 2000 },
  batch_size: 16,
  // Copying a name from where a tool told it takes one step of attention more than other SQL.
  recipe: {
    data: { kind: 'nursery', world: 'hidden' },
    policy: { model: { num_hidden_layers: 3 } },
  },
  tags: TOOL_TAGS,
  corpus: traces,
  sharpening: { sharpness: 1.1, failing: [0.3, 0.5] },
  limits: {
    greedy: [0.25, 0.45],
    pass_at_8: [0.5, 0.95],
    all_wrong: [0, 0.5],
    repeated_share: [0.1, 0.15],
    useless_share: [0.1, 0.15],
    failing_share: [0.1, 0.15],
    blind_ratio: [0, 1 / 3],
    oracle_ratio: [1.5, 4],
  },
  /**
   * Shares of wasted calls at temperature 1; greedy EX with blank observations and with the facts in the prompt,
   * over greedy EX.
   */
  async measure(context, tasks, { groups }, options, recipe) {
    const { calls, repeated, useless, failing, recall } = toolMetrics(groups.flat())!;
    const greedy = async (turns: Partial<TurnOptions>): Promise<number> => {
      const prompts = context.prompts.under({ ...recipe, turns: { ...recipe.turns, ...turns } });
      const { all } = await evaluateGreedy({ ...context, prompts }, tasks, options);
      return all.ex;
    };
    const normal = await greedy({});
    const blind = await greedy({ blank_observations: true });
    const oracle = await greedy({ reveal_facts: true });
    return {
      ...{ calls, recall, repeated_share: repeated / calls, useless_share: useless / calls },
      ...{ failing_share: failing / calls, blind, oracle },
      ...{ blind_ratio: blind / normal, oracle_ratio: oracle / normal },
    };
  },
};

/** Until this share of the gold updates, so many of the examples of each are drills of copying. */
const DRILL_SHARE = 0.4;
const DRILLS = 5;

function traces(...[recipe, goldUpdates]: Parameters<WarmStartKind['corpus']>): Corpus {
  const { seed } = recipe;
  const variants = trainSchemas(...nurseryOf(recipe));
  const source = new ToolTraces(variants, { seed });
  const words = drillWords(hiddenSchemas(variants));
  return (update, index) => {
    if (update > 0 && update <= DRILL_SHARE * goldUpdates && index < DRILLS) {
      const { prompt, text } = drill(words, new Stream(seed, 'hidden drill', update, index));
      return { prompt, turns: [{ text }] };
    }
    return source.trace(update, index, update <= goldUpdates);
  };
}
