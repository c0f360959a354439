import { FEW, item } from '../scene.ts';
import { all, compound, select, selectJoin, templatesOf } from './template.ts';

const { single, joined } = templatesOf('hard');

/** Hard templates with EXCEPT, INTERSECT and UNION. */
export const HARD_SETS = [
  single('except', ['unique', 'ordered'], (s, t, [shown, n]) => {
    const f = s.threshold(n!, s.row(t));
    return (
      f && {
        query: compound(select([item(shown!)], t), 'EXCEPT', [
          select([item(shown!)], t, { where: all(f.condition) }),
        ]),
        wordings: [
          () => `List the ${s.many(shown!)} of all ${s.many(t)}, leaving out those ${f.text}.`,
          () =>
            `Show the ${s.many(shown!)} of ${s.many(t)}, but not of the ${s.many(t)} ${f.text}.`,
          () => `What are the ${s.many(shown!)} of all ${s.many(t)} apart from those ${f.text}?`,
        ],
      }
    );
  }),
  single('intersect', ['unique', 'ordered', 'ordered'], (s, t, [shown, a, b]) => {
    const row = s.row(t);
    const [f, g] = [s.threshold(a!, row), s.threshold(b!, row)];
    return (
      f &&
      g && {
        query: compound(select([item(shown!)], t, { where: all(f.condition) }), 'INTERSECT', [
          select([item(shown!)], t, { where: all(g.condition) }),
        ]),
        wordings: [
          () =>
            `Which ${s.many(shown!)} belong both to ${s.many(t)} ${f.text} and to ${s.many(t)} ${g.text}?`,
          () =>
            `Find the ${s.many(shown!)} shared by ${s.many(t)} ${f.text} and ${s.many(t)} ${g.text}.`,
          () =>
            `List each ${s.one(shown!)} found among ${s.many(t)} ${f.text} and also among ${s.many(t)} ${g.text}.`,
        ],
      }
    );
  }),
  single('union', ['unique', 'ordered', 'ordered'], (s, t, [shown, a, b]) => {
    const f = s.threshold(a!, s.row(t), ['>', '<'], FEW);
    const g = s.threshold(b!, s.row(t), ['>', '<'], FEW);
    return (
      f &&
      g && {
        query: compound(select([item(shown!)], t, { where: all(f.condition) }), 'UNION', [
          select([item(shown!)], t, { where: all(g.condition) }),
        ]),
        wordings: [
          () =>
            `List the ${s.many(shown!)} of ${s.many(t)} ${f.text} together with those of ${s.many(t)} ${g.text}.`,
          () =>
            `Combine the ${s.many(shown!)} of the ${s.many(t)} ${f.text} and of the ${s.many(t)} ${g.text}.`,
          () =>
            `Show in one list the ${s.many(shown!)} of ${s.many(t)} ${f.text} and those of ${s.many(t)} ${g.text}.`,
        ],
      }
    );
  }),
  joined('except-children', ['filter'], ['name'], (s, link, [c], [name]) => {
    const { child, parent } = link;
    const f = s.filter(c!, s.row(child));
    return (
      f && {
        query: compound(selectJoin([item(name!)], [link]), 'EXCEPT', [
          selectJoin([item(name!)], [link], { where: all(f.condition) }),
        ]),
        wordings: [
          () =>
            `Which ${s.many(parent)} have ${s.many(child)} but none ${f.text}? Show the ${s.many(name!)}.`,
          () =>
            `Find the ${s.many(name!)} of ${s.many(parent)} that have ${s.many(child)}, but no ${s.one(child)} ${f.text}.`,
          () =>
            `List the ${s.one(name!)} of every ${s.one(parent)} with ${s.many(child)}, leaving out those with any ${s.one(child)} ${f.text}.`,
        ],
      }
    );
  }),
];
