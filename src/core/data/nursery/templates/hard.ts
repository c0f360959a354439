import { countAll, item, ref } from '../scene.ts';
import {
  aggregated,
  all,
  any,
  like,
  measure,
  named,
  select,
  selectJoin,
  templatesOf,
  withChildren,
  beyondAverage,
} from './template.ts';

const { single, joined, bridged } = templatesOf('hard');

/** Hard templates without set operations; those are in sets.ts. */
export const HARD = [
  joined('without-children', [], ['unique'], (s, link, _, [shown]) => ({
    query: select([item(shown!)], link.parent, {
      where: all(withChildren(link, true)),
    }),
    wordings: [
      () =>
        `What are the ${s.many(shown!)} of the ${s.many(link.parent)} without any ${s.many(link.child)}?`,
      () =>
        `List the ${s.one(shown!)} of every ${s.one(link.parent)} that has no ${s.one(link.child)}.`,
      () =>
        `Which ${s.many(link.parent)} do not have any ${s.many(link.child)}? Show their ${s.many(shown!)}.`,
    ],
  })),
  joined('count-with-children', [], [], (s, link) => ({
    query: select([countAll(link.parent)], link.parent, { where: all(withChildren(link, false)) }),
    wordings: [
      () => `How many ${s.many(link.parent)} have any ${s.many(link.child)}?`,
      () => `Count the ${s.many(link.parent)} with at least one ${s.one(link.child)}.`,
      () => `What is the number of ${s.many(link.parent)} that have ${s.a(link.child)}?`,
    ],
  })),
  joined('in-children', ['filter'], ['unique'], (s, link, [c], [shown]) => {
    const { child, parent } = link;
    const f = s.filter(c!, s.row(child));
    const negated = s.stream.chance(0.5);
    return (
      f && {
        query: select([item(shown!)], parent, {
          where: all(withChildren(link, negated, all(f.condition))),
        }),
        wordings: negated
          ? [
              () =>
                `What are the ${s.many(shown!)} of the ${s.many(parent)} without any ${s.one(child)} ${f.text}?`,
              () =>
                `List the ${s.one(shown!)} of every ${s.one(parent)} that has no ${s.one(child)} ${f.text}.`,
              () =>
                `Which ${s.many(parent)} have no ${s.many(child)} ${f.text}? Show the ${s.many(shown!)}.`,
            ]
          : [
              () =>
                `What are the ${s.many(shown!)} of the ${s.many(parent)} with some ${s.one(child)} ${f.text}?`,
              () =>
                `List the ${s.one(shown!)} of every ${s.one(parent)} that has at least one ${s.one(child)} ${f.text}.`,
              () =>
                `Which ${s.many(parent)} have some ${s.many(child)} ${f.text}? Show the ${s.many(shown!)}.`,
            ],
      }
    );
  }),
  single('above-average', ['unique', 'number'], (s, t, [shown, c]) => {
    const { condition, side } = beyondAverage(s, c!);
    return {
      query: select([item(shown!)], t, {
        where: all(condition),
      }),
      wordings: [
        () =>
          `What are the ${s.many(shown!)} of the ${s.many(t)} with ${s.one(c!)} ${side} average?`,
        () =>
          `List the ${s.one(shown!)} of every ${s.one(t)} whose ${s.one(c!)} ${s.be(c!)} ${side} the average.`,
        () =>
          `Show the ${s.many(shown!)} of ${s.many(t)} whose ${s.one(c!)} ${s.be(c!)} ${side} the mean ${s.one(c!)}.`,
      ],
    };
  }),
  single('count-above-average', ['number'], (s, t, [c]) => {
    const { condition, side } = beyondAverage(s, c!);
    return {
      query: select([countAll(t)], t, {
        where: all(condition),
      }),
      wordings: [
        () => `How many ${s.many(t)} have ${s.one(c!)} ${side} average?`,
        () => `Count the ${s.many(t)} whose ${s.one(c!)} ${s.be(c!)} ${side} the average.`,
        () => `What is the number of ${s.many(t)} with ${s.one(c!)} ${side} the mean?`,
      ],
    };
  }),
  single('beyond-category', ['unique', 'ordered', 'category'], (s, t, [shown, n, c]) => {
    const above = s.stream.chance(0.5);
    const value = s.row(t)[c!.index] as string;
    const temporal = n!.kind !== 'number';
    const side = above ? (temporal ? 'later' : 'higher') : temporal ? 'earlier' : 'lower';
    return {
      query: select([item(shown!)], t, {
        where: all({
          kind: 'compare',
          left: item(n!),
          operator: above ? '>' : '<',
          right: select([aggregated(above ? 'MAX' : 'MIN', n!)], t, {
            where: all(named(c!, value)),
          }),
        }),
      }),
      wordings: [
        () =>
          `What are the ${s.many(shown!)} of ${s.many(t)} with ${side} ${s.one(n!)} than every ${s.one(t)} with ${s.one(c!)} ${value}?`,
        () =>
          `List the ${s.one(shown!)} of each ${s.one(t)} whose ${s.one(n!)} ${s.be(n!)} ${side} than that of all ${s.many(t)} with ${s.one(c!)} ${value}.`,
        () =>
          `Which ${s.many(t)} have ${side} ${s.one(n!)} than any ${s.one(t)} whose ${s.one(c!)} is ${value}? Show the ${s.many(shown!)}.`,
      ],
    };
  }),
  single('group-most', ['category'], (s, t, [c]) => {
    const descending = s.stream.chance(0.6);
    const most = descending ? 'most' : 'fewest';
    return {
      query: select([item(c!)], t, {
        groupBy: ref(c!),
        orderBy: { item: countAll(t), descending },
        limit: 1,
      }),
      wordings: [
        () => `Which ${s.one(c!)} has the ${most} ${s.many(t)}?`,
        () =>
          `What is the ${descending ? 'most' : 'least'} common ${s.one(c!)} of the ${s.many(t)}?`,
        () => `Find the ${s.one(c!)} that the ${most} ${s.many(t)} have.`,
      ],
    };
  }),
  single('group-most-count', ['category'], (s, t, [c]) => {
    const descending = s.stream.chance(0.6);
    const most = descending ? 'most' : 'fewest';
    return {
      query: select([item(c!), countAll(t)], t, {
        groupBy: ref(c!),
        orderBy: { item: countAll(t), descending },
        limit: 1,
      }),
      wordings: [
        () => `Which ${s.one(c!)} has the ${most} ${s.many(t)}, and how many are they?`,
        () => `Show the ${s.one(c!)} with the ${most} ${s.many(t)} and their number.`,
        () =>
          `Find the ${descending ? 'most' : 'least'} common ${s.one(c!)} of the ${s.many(t)} and its count.`,
      ],
    };
  }),
  single('group-best', ['category', 'number'], (s, t, [c, n]) => {
    const descending = s.stream.chance(0.5);
    const aggregate = s.stream.pick(['AVG', 'SUM'] as const);
    const extreme = descending ? 'highest' : 'lowest';
    const word = aggregate === 'AVG' ? 'average' : 'total';
    return {
      query: select([item(c!)], t, {
        groupBy: ref(c!),
        orderBy: { item: aggregated(aggregate, n!), descending },
        limit: 1,
      }),
      wordings: [
        () => `Which ${s.one(c!)} of ${s.many(t)} has the ${extreme} ${word} ${s.one(n!)}?`,
        () => `Find the ${s.one(c!)} whose ${s.many(t)} have the ${extreme} ${word} ${s.one(n!)}.`,
        () =>
          `For which ${s.one(c!)} ${s.be(n!)} the ${word} ${s.one(n!)} of the ${s.many(t)} ${extreme}?`,
      ],
    };
  }),
  single('where-superlative', ['unique', 'category', 'ordered'], (s, t, [shown, c, n]) => {
    const f = s.equal(c!, s.row(t))!;
    const descending = s.stream.chance(0.5);
    const best = s.superlative(s.one(t), n!, descending);
    return {
      query: select([item(shown!)], t, {
        where: all(f.condition),
        orderBy: { item: item(n!), descending },
        limit: 1,
      }),
      wordings: [
        () =>
          `Among the ${s.many(t)} ${f.text}, what ${s.be(shown!)} the ${s.one(shown!)} of the ${best}?`,
        () => `Of all ${s.many(t)} ${f.text}, show the ${s.one(shown!)} of the ${best}.`,
        () => `Look only at ${s.many(t)} ${f.text}: which ${s.one(shown!)} does the ${best} have?`,
      ],
    };
  }),
  joined('parent-of-best', ['ordered'], ['unique'], (s, link, [n], [shown]) => {
    const { child, parent } = link;
    const descending = s.stream.chance(0.5);
    const best = s.superlative(s.one(child), n!, descending);
    return {
      query: selectJoin([item(shown!)], [link], {
        orderBy: { item: item(n!), descending },
        limit: 1,
      }),
      wordings: [
        () => `What ${s.be(shown!)} the ${s.one(shown!)} of the ${s.one(parent)} of the ${best}?`,
        () => `Show the ${s.one(shown!)} of the ${s.one(parent)} that has the ${best}.`,
        () =>
          `Find the ${best}. What ${s.be(shown!)} the ${s.one(shown!)} of its ${s.one(parent)}?`,
      ],
    };
  }),
  joined('join-order', ['unique', 'ordered'], ['name'], (s, link, [shown, n], [name]) => {
    const { child, parent, preposition } = link;
    const value = s.parentRow(link, s.row(child))[name!.index] as string;
    const descending = s.stream.chance(0.5);
    return {
      query: selectJoin([item(shown!)], [link], {
        where: all(named(name!, value)),
        orderBy: { item: item(n!), descending },
      }),
      wordings: [
        () =>
          `List the ${s.many(shown!)} of the ${s.many(child)} ${preposition} the ${s.one(parent)} ${value}, ${s.sorting(n!, descending)}.`,
        () =>
          `Which ${s.many(child)} does the ${s.one(parent)} ${value} have? Show the ${s.many(shown!)}, ${s.sorting(n!, descending)}.`,
        () =>
          `For the ${s.one(parent)} ${value}, give the ${s.one(shown!)} of each ${s.one(child)}, ${s.sorting(n!, descending)}.`,
      ],
    };
  }),
  joined('join-either', ['unique'], ['category'], (s, link, [shown], [c]) => {
    const { child, parent, preposition } = link;
    const [a, b] = s.stream.sample(s.values(c!) as string[], 2) as [string, string];
    return {
      query: selectJoin([item(shown!)], [link], { where: any(named(c!, a), named(c!, b)) }),
      wordings: [
        () =>
          `What are the ${s.many(shown!)} of the ${s.many(child)} ${preposition} ${s.many(parent)} with ${s.one(c!)} ${a} or ${b}?`,
        () =>
          `Show the ${s.one(shown!)} of every ${s.one(child)} ${preposition} ${s.a(parent)} whose ${s.one(c!)} is ${a} or ${b}.`,
        () =>
          `Find ${s.many(parent)} with either ${a} or ${b} as ${s.one(c!)} and list the ${s.many(shown!)} of their ${s.many(child)}.`,
      ],
    };
  }),
  joined('join-where-group', ['category', 'ordered'], ['filter'], (s, link, [c], [f1]) => {
    const { child, parent, preposition } = link;
    const f = s.filter(f1!, s.parentRow(link, s.row(child)));
    return (
      f && {
        query: selectJoin([item(c!), countAll(child)], [link], {
          where: all(f.condition),
          groupBy: ref(c!),
        }),
        wordings: [
          () =>
            `For ${s.many(parent)} ${f.text}, show each ${s.one(c!)} of their ${s.many(child)} and the number of them.`,
          () =>
            `How often does each ${s.one(c!)} occur among ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}? Show the ${s.one(c!)} first.`,
          () =>
            `Count the ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}, listing each ${s.one(c!)} and its count.`,
        ],
      }
    );
  }),
  joined('join-having-order', [], ['name'], (s, link, _, [name]) => {
    const { child, parent } = link;
    const least = s.stream.range(2, 3);
    const descending = s.stream.chance(0.5);
    return {
      query: selectJoin([item(name!)], [link], {
        groupBy: ref(name!),
        having: { kind: 'compare', left: countAll(child), operator: '>=', right: least },
        orderBy: { item: item(name!), descending },
      }),
      wordings: [
        () =>
          `Which ${s.many(parent)} have at least ${least} ${s.many(child)}? Show the ${s.many(name!)} ${s.sorting(name!, descending)}.`,
        () =>
          `List the ${s.many(name!)} of ${s.many(parent)} with ${least} or more ${s.many(child)}, ${s.sorting(name!, descending)}.`,
        () =>
          `Show the ${s.one(name!)} of every ${s.one(parent)} with no fewer than ${least} ${s.many(child)}, ${s.sorting(name!, descending)}.`,
      ],
    };
  }),
  joined('join-like', ['unique'], ['name'], (s, link, [shown], [name]) => {
    const { child, parent, preposition } = link;
    const f = like(s, name!, s.parentRow(link, s.row(child)));
    return {
      query: selectJoin([item(shown!)], [link], { where: all(f.condition) }),
      wordings: [
        () =>
          `What are the ${s.many(shown!)} of ${s.many(child)} ${preposition} ${s.many(parent)} whose ${s.one(name!)} ${f.text}?`,
        () =>
          `Show the ${s.one(shown!)} of every ${s.one(child)} ${preposition} ${s.a(parent)} whose ${s.one(name!)} ${f.text}.`,
        () =>
          `Find the ${s.many(parent)} whose ${s.one(name!)} ${f.text} and list the ${s.many(shown!)} of their ${s.many(child)}.`,
      ],
    };
  }),
  bridged('across', [], ['unique'], ['name'], (s, [a, b], [, [shown], [name]]) => {
    const value = s.parentRow(b, s.row(b.child))[name!.index] as string;
    return {
      query: selectJoin([item(shown!)], [a, b], { where: all(named(name!, value)) }),
      wordings: [
        () =>
          `What are the ${s.many(shown!)} of the ${s.many(a.parent)} of each ${s.one(a.child)} ${b.preposition} the ${s.one(b.parent)} ${value}?`,
        () =>
          `For every ${s.one(a.child)} ${b.preposition} the ${s.one(b.parent)} ${value}, show the ${s.one(shown!)} of the ${s.one(a.parent)}.`,
        () =>
          `List the ${s.one(a.parent)} ${s.one(shown!)} for each ${s.one(a.child)} ${b.preposition} the ${s.one(b.parent)} called ${value}.`,
      ],
    };
  }),
  single('group-aggregate-where', ['category', 'number', 'ordered'], (s, t, [c, n, o]) => {
    const f = s.threshold(o!, s.row(t));
    const { aggregate, word } = measure(s);
    const descending = s.stream.chance(0.5);
    return (
      f && {
        query: select([item(c!), aggregated(aggregate, n!)], t, {
          where: all(f.condition),
          groupBy: ref(c!),
          orderBy: { item: item(c!), descending },
        }),
        wordings: [
          () =>
            `For ${s.many(t)} ${f.text}, show each ${s.one(c!)} and the ${word} ${s.one(n!)}, ${s.alphabetical(c!, descending)}.`,
          () =>
            `List every ${s.one(c!)} of the ${s.many(t)} ${f.text} and the ${word} ${s.one(n!)} for it, ${s.alphabetical(c!, descending)}.`,
          () =>
            `What ${s.be(n!)} the ${word} ${s.one(n!)} of ${s.many(t)} ${f.text} for each ${s.one(c!)}? Show the ${s.one(c!)} first, ${s.alphabetical(c!, descending)}.`,
        ],
      }
    );
  }),
];
