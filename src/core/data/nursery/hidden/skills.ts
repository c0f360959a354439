/**
 * What the hidden world asks: simple questions about two or three tables, in the schema's own words and without
 * numbers or dates to compare with. What is hard about it shall be finding out, not synonyms or copying digits.
 */
import type { Stream } from '../../../random/stream.ts';
import { TEMPLATES, type Draft } from '../draft.ts';
import type { Level } from '../hardness.ts';
import type { Query } from '../query.ts';
import { Scene } from '../scene.ts';
import { reworded, type NurseryColumn, type Variant } from '../schemas.ts';
import { choices } from './needs.ts';

const EASY_SHARE = 0.45;

const EASY =
  'list distinct where-equal look-up aggregate aggregate-where count-where count-distinct order ' +
  'where-not';
const MEDIUM =
  'list-two where-either superlative top where-order group-count group-aggregate ' +
  'count-and-average of-parent parent-where child-where count-of-parent aggregate-of-parent ' +
  'count-per-parent';

export const HIDDEN_TEMPLATES: readonly string[] = [
  ...EASY.split(' ').map((name) => `easy/${name}`),
  ...MEDIUM.split(' ').map((name) => `medium/${name}`),
];

const MOST_TABLES = 3;

/** A schema whose things are called by one word each, the first there is for them, and by nothing else. */
function plainSpoken(variant: Variant): Variant {
  const called = (name: string) => ({ name, words: [name] });
  return reworded(variant, {
    table: ({ words }) => called(words[0]!),
    column: (column) => ({ ...called(nameOf(column, variant)), adjectives: undefined }),
  });
}

function nameOf(column: NurseryColumn, { links }: Variant): string {
  if (column.kind === 'key') {
    return column.name === 'id' ? 'id' : `${column.table.words[0]!}_id`;
  }
  if (column.kind !== 'reference') return column.words[0]!;
  return `${links.find((link) => link.column === column)!.parent.words[0]!}_id`;
}

/** Schemas of a split as the hidden world has them. */
export const hiddenSchemas = (variants: readonly Variant[]): Variant[] =>
  variants.filter(({ tables }) => tables.length <= MOST_TABLES).map(plainSpoken);

const templates = (level: Level) =>
  TEMPLATES[level].filter(({ id }) => HIDDEN_TEMPLATES.includes(id));
const EASY_TEMPLATES = templates('easy');
const MEDIUM_TEMPLATES = templates('medium');

const comparesText = ({ where }: Query): boolean =>
  where?.conditions.every((c) => c.kind === 'compare' && /^[A-Za-z]/.test(String(c.right))) ?? true;

/** A question that can be made to need `calls` calls; undefined where the schema gives none soon. */
export function draftHidden(variant: Variant, stream: Stream, calls: number): Draft | undefined {
  for (let attempt = 0; attempt < 30; attempt++) {
    const easy = stream.chance(EASY_SHARE);
    const template = stream.pick(easy ? EASY_TEMPLATES : MEDIUM_TEMPLATES);
    const sketch = template.sketch(new Scene(variant, stream));
    if (!sketch || !comparesText(sketch.query)) continue;
    if (choices(sketch.query, variant, calls).length === 0) continue;
    const wording = stream.int(sketch.wordings.length);
    return {
      question: sketch.wordings[wording]!(),
      query: sketch.query,
      skill: `${template.id}/${wording}`,
      level: template.level,
    };
  }
  return undefined;
}
