import type { Stream } from '../../random/stream.ts';
import { LEVELS, type Level } from './hardness.ts';
import type { Query } from './query.ts';
import { Scene } from './scene.ts';
import type { Variant } from './schemas.ts';
import type { Plan } from './steps/chain.ts';
import { EASY } from './templates/easy.ts';
import { EXTRA } from './templates/extra.ts';
import { HARD } from './templates/hard.ts';
import { MEDIUM } from './templates/medium.ts';
import { HARD_SETS } from './templates/sets.ts';
import type { Template } from './templates/template.ts';

/** A question and its gold query on a schema, not yet executed. */
export interface Draft {
  question: string;
  query: Query;
  /** Template id and wording number. */
  skill: string;
  level: Level;
  /** Chains of CTEs that give the query's answer, in the world of steps. */
  plans?: readonly Plan[];
}

export const TEMPLATES: Readonly<Record<Level, readonly Template[]>> = {
  easy: EASY,
  medium: MEDIUM,
  hard: [...HARD, ...HARD_SETS],
  extra: EXTRA,
};

/** Share of each level unless asked otherwise. */
export const LEVEL_WEIGHTS: Readonly<Record<Level, number>> = {
  easy: 25,
  medium: 35,
  hard: 22,
  extra: 18,
};

/** Which of the splits over the training schemas a question belongs to. */
export type Partition = 'train' | 'tuning' | 'dev';

/** By the question's text alone, so that no split shares a question with another. */
export function partition(question: string): Partition {
  let hash = 0x811c9dc5;
  for (let i = 0; i < question.length; i++) {
    hash = Math.imul(hash ^ question.charCodeAt(i), 0x01000193);
  }
  const bucket = (hash >>> 8) % 8;
  return bucket === 0 ? 'dev' : bucket === 1 ? 'tuning' : 'train';
}

/**
 * A question about a schema. Values come from its base rows, and filters keep at least one row that
 * they were drawn from, but nothing is executed.
 */
export function draft(variant: Variant, stream: Stream, level?: Level): Draft {
  for (let attempt = 0; attempt < 500; attempt++) {
    const chosen = level ?? LEVELS[stream.weighted(LEVELS.map((l) => LEVEL_WEIGHTS[l]))]!;
    const template = stream.pick(TEMPLATES[chosen]);
    const sketch = template.sketch(new Scene(variant, stream));
    if (sketch === undefined) continue;
    const wording = stream.int(sketch.wordings.length);
    return {
      question: sketch.wordings[wording]!(),
      query: sketch.query,
      skill: `${template.id}/${wording}`,
      level: chosen,
    };
  }
  throw new RangeError(`no ${level ?? ''} template fits the schema ${variant.id}`);
}
