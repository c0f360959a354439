/**
 * The warm start of the think protocol: a thought, then SQL, with slips that come independently of each other
 * (data/nursery/planted-thoughts.ts). Harder than the direct one, for FINER-SQL's table: where most groups hold a
 * right answer, dense rewards have nothing to add.
 */
import { PLANTED_THOUGHTS, thoughtExample } from '../../data/nursery/planted-thoughts.ts';
import { Habits } from '../../data/nursery/planted.ts';
import { toSchema, trainSchemas } from '../../data/nursery/index.ts';
import { THOUGHT_CHARACTERS, THOUGHT_WORDS } from '../../data/nursery/thoughts.ts';
import { answerStep, type Episode } from '../../episode/episode.ts';
import { thinkProtocol, thinkText } from '../../episode/think.ts';
import { Stream } from '../../random/stream.ts';
import { passesFormatGate } from '../../reward/format.ts';
import type { Corpus } from '../sft.ts';
import type { WarmStartKind } from './kind.ts';
import { nurseryOf } from './nursery.ts';

export const thinkWarmStart: WarmStartKind = {
  description: 'a thought, then SQL',
  updates: { gold: 6000, planted: 2500 },
  updatesFromBase: { gold: 0, planted: 800 },
  recipe: {},
  corpus: thoughtCorpus,
  sharpening: { sharpness: 2, failing: [0.05, 0.18] },
  limits: {
    pass_at_1: [0.12, 0.2],
    pass_at_8: [0.35, 0.6],
    all_wrong: [0.45, 0.6],
    failing: [0.05, 0.2],
    formatted: [0.95, 1],
  },
  measure: (_context, _tasks, { groups }) =>
    Promise.resolve({ formatted: share(groups.flat(), formatted) }),
};

/** Whether an episode passes FINER-SQL's format gate as it is scaled here. */
function formatted(episode: Episode): boolean {
  const { thought = '', text = '' } = answerStep(episode) ?? {};
  return passesFormatGate(text, THOUGHT_CHARACTERS) && thought.split(/\s+/).length >= THOUGHT_WORDS;
}

const share = <T>(items: readonly T[], holds: (item: T) => boolean): number =>
  items.filter(holds).length / Math.max(1, items.length);

function thoughtCorpus(...[recipe, goldUpdates]: Parameters<WarmStartKind['corpus']>): Corpus {
  const { seed } = recipe;
  const variants = trainSchemas(...nurseryOf(recipe));
  const habits = new Habits(seed, PLANTED_THOUGHTS);
  const schemas = new Map(variants.map((variant) => [variant, toSchema(variant)]));
  return (update, index) => {
    const stream = new Stream(seed, 'planted', update, index);
    const gold = update <= goldUpdates;
    const { variant, question, thought, sql } = thoughtExample(
      variants,
      stream,
      seed,
      habits,
      gold,
    );
    const task = { id: variant.id, db_id: variant.id, question, split: 'train' };
    const prompt = thinkProtocol.prompt(task, schemas.get(variant)!, { style: 'compact' });
    return { prompt, turns: [{ text: thinkText(thought, sql) }] };
  };
}
