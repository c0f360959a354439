import { countAll, item, NEARLY_ALL, ref } from '../scene.ts';
import {
  aggregated,
  all,
  beyondAverage,
  compound,
  named,
  select,
  selectJoin,
  templatesOf,
  withChildren,
} from './template.ts';

const { single, joined, bridged } = templatesOf('extra');

export const EXTRA = [
  joined('parent-most', [], ['unique'], (s, link, _, [shown]) => {
    const { child, parent } = link;
    return {
      query: selectJoin([item(shown!)], [link], {
        groupBy: ref(parent.key),
        orderBy: { item: countAll(child), descending: true },
        limit: 1,
      }),
      wordings: [
        () =>
          `What ${s.be(shown!)} the ${s.one(shown!)} of the ${s.one(parent)} with the most ${s.many(child)}?`,
        () => `Which ${s.one(parent)} has the most ${s.many(child)}? Show the ${s.one(shown!)}.`,
        () =>
          `Find the ${s.one(shown!)} of the ${s.one(parent)} that has the most ${s.many(child)}.`,
      ],
    };
  }),
  joined('parent-most-two', [], ['unique', 'show'], (s, link, _, [a, b]) => {
    const { child, parent } = link;
    return {
      query: selectJoin([item(a!), item(b!)], [link], {
        groupBy: ref(parent.key),
        orderBy: { item: countAll(child), descending: true },
        limit: 1,
      }),
      wordings: [
        () =>
          `What are the ${s.one(a!)} and ${s.one(b!)} of the ${s.one(parent)} with the most ${s.many(child)}?`,
        () =>
          `Which ${s.one(parent)} has the most ${s.many(child)}? Show the ${s.one(a!)} and the ${s.one(b!)}.`,
        () =>
          `Find the ${s.one(a!)} and the ${s.one(b!)} of the ${s.one(parent)} that has the most ${s.many(child)}.`,
      ],
    };
  }),
  joined('parent-most-where', ['ordered'], ['unique'], (s, link, [c], [shown]) => {
    const { child, parent } = link;
    const f = s.threshold(c!, s.row(child), ['>', '<'], NEARLY_ALL);
    return (
      f && {
        query: selectJoin([item(shown!)], [link], {
          where: all(f.condition),
          groupBy: ref(parent.key),
          orderBy: { item: countAll(child), descending: true },
          limit: 1,
        }),
        wordings: [
          () =>
            `What ${s.be(shown!)} the ${s.one(shown!)} of the ${s.one(parent)} with the most ${s.many(child)} ${f.text}?`,
          () =>
            `Which ${s.one(parent)} has the most ${s.many(child)} ${f.text}? Show the ${s.one(shown!)}.`,
          () =>
            `Counting only ${s.many(child)} ${f.text}, find the ${s.one(shown!)} of the ${s.one(parent)} that has the most.`,
        ],
      }
    );
  }),
  joined('parent-best', ['number'], ['unique'], (s, link, [n], [shown]) => {
    const { child, parent } = link;
    const aggregate = s.stream.pick(['AVG', 'SUM'] as const);
    const word = aggregate === 'AVG' ? 'average' : 'total';
    const descending = s.stream.chance(0.6);
    const extreme = descending ? 'highest' : 'lowest';
    return {
      query: selectJoin([item(shown!)], [link], {
        groupBy: ref(parent.key),
        orderBy: { item: aggregated(aggregate, n!), descending },
        limit: 1,
      }),
      wordings: [
        () =>
          `What ${s.be(shown!)} the ${s.one(shown!)} of the ${s.one(parent)} whose ${s.many(child)} have the ${extreme} ${word} ${s.one(n!)}?`,
        () =>
          `Which ${s.one(parent)} has the ${extreme} ${word} ${s.one(n!)} over its ${s.many(child)}? Show the ${s.one(shown!)}.`,
        () =>
          `Find the ${s.one(shown!)} of the ${s.one(parent)} with the ${extreme} ${word} ${s.one(child)} ${s.one(n!)}.`,
      ],
    };
  }),
  joined(
    'join-where-superlative',
    ['ordered', 'unique'],
    ['filter'],
    (s, link, [n, shown], [c]) => {
      const { child, parent, preposition } = link;
      const f = s.filter(c!, s.parentRow(link, s.row(child)));
      const descending = s.stream.chance(0.5);
      const best = s.superlative(s.one(child), n!, descending);
      return (
        f && {
          query: selectJoin([item(shown!)], [link], {
            where: all(f.condition),
            orderBy: { item: item(n!), descending },
            limit: 1,
          }),
          wordings: [
            () =>
              `Among the ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}, what ${s.be(shown!)} the ${s.one(shown!)} of the ${best}?`,
            () =>
              `For ${s.many(parent)} ${f.text}, show the ${s.one(shown!)} of the ${best} they have.`,
            () =>
              `Of all ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}, find the ${s.one(shown!)} of the ${best}.`,
          ],
        }
      );
    },
  ),
  joined('join-top', ['ordered'], ['unique', 'filter'], (s, link, [n], [shown, c]) => {
    const { child, parent } = link;
    const f = s.filter(c!, s.parentRow(link, s.row(child)));
    const descending = s.stream.chance(0.5);
    const best = s.superlative(s.one(child), n!, descending);
    return (
      f && {
        query: selectJoin([item(shown!), item(n!)], [link], {
          where: all(f.condition),
          orderBy: { item: item(n!), descending },
          limit: 1,
        }),
        wordings: [
          () =>
            `For ${s.many(parent)} ${f.text}, show the ${s.one(parent)} ${s.one(shown!)} and the ${s.one(child)} ${s.one(n!)} of the ${best}.`,
          () =>
            `Among ${s.many(parent)} ${f.text}, which has the ${best}? Give the ${s.one(shown!)} and that ${s.one(n!)}.`,
          () =>
            `Looking at ${s.many(parent)} ${f.text}, find the ${best} and list the ${s.one(parent)} ${s.one(shown!)}, then the ${s.one(n!)}.`,
        ],
      }
    );
  }),
  joined('parent-most-count', ['ordered'], ['name'], (s, link, [c], [name]) => {
    const { child, parent } = link;
    const f = s.threshold(c!, s.row(child), ['>', '<'], NEARLY_ALL);
    return (
      f && {
        query: selectJoin([item(name!), countAll(child)], [link], {
          where: all(f.condition),
          groupBy: ref(name!),
          orderBy: { item: countAll(child), descending: true },
          limit: 1,
        }),
        wordings: [
          () =>
            `Which ${s.one(parent)} has the most ${s.many(child)} ${f.text}, and how many? Show ${s.one(name!)} and number.`,
          () =>
            `Show the ${s.one(name!)} and the count for the ${s.one(parent)} with the most ${s.many(child)} ${f.text}.`,
          () =>
            `Find the ${s.one(name!)} of the ${s.one(parent)} with the most ${s.many(child)} ${f.text} and their number.`,
        ],
      }
    );
  }),
  joined('without-two', [], ['unique', 'show'], (s, link, _, [a, b]) => ({
    query: select([item(a!), item(b!)], link.parent, {
      where: all(withChildren(link, true)),
    }),
    wordings: [
      () =>
        `What are the ${s.one(a!)} and ${s.one(b!)} of the ${s.many(link.parent)} without any ${s.many(link.child)}?`,
      () =>
        `List the ${s.one(a!)} and the ${s.one(b!)} of every ${s.one(link.parent)} that has no ${s.one(link.child)}.`,
      () =>
        `Which ${s.many(link.parent)} do not have any ${s.many(link.child)}? Show their ${s.many(a!)} and ${s.many(b!)}.`,
    ],
  })),
  joined('without-and-where', [], ['unique', 'filter'], (s, link, _, [shown, c]) => {
    const { child, parent } = link;
    const f = s.filter(c!, s.row(parent));
    return (
      f && {
        query: select([item(shown!)], parent, {
          where: all(f.condition, withChildren(link, true)),
        }),
        wordings: [
          () =>
            `What are the ${s.many(shown!)} of the ${s.many(parent)} ${f.text} that have no ${s.many(child)}?`,
          () =>
            `List the ${s.one(shown!)} of every ${s.one(parent)} without any ${s.one(child)} and ${f.text}.`,
          () =>
            `Which ${s.many(parent)} ${f.text} do not have any ${s.many(child)}? Show the ${s.many(shown!)}.`,
        ],
      }
    );
  }),
  joined('without-order', [], ['unique', 'ordered'], (s, link, _, [shown, n]) => {
    const { child, parent } = link;
    const descending = s.stream.chance(0.5);
    return {
      query: select([item(shown!)], parent, {
        where: all(withChildren(link, true)),
        orderBy: { item: item(n!), descending },
      }),
      wordings: [
        () =>
          `List the ${s.many(shown!)} of the ${s.many(parent)} without any ${s.many(child)}, ${s.sorting(n!, descending)}.`,
        () =>
          `Which ${s.many(parent)} have no ${s.many(child)}? Show the ${s.many(shown!)} ${s.sorting(n!, descending)}.`,
        () =>
          `Show the ${s.one(shown!)} of every ${s.one(parent)} that has no ${s.one(child)}, ${s.sorting(n!, descending)}.`,
      ],
    };
  }),
  single('above-average-where', ['unique', 'number', 'category'], (s, t, [shown, n, c]) => {
    const { condition, side } = beyondAverage(s, n!);
    const f = s.equal(c!, s.row(t))!;
    return {
      query: select([item(shown!)], t, {
        where: all(f.condition, condition),
      }),
      wordings: [
        () =>
          `Of the ${s.many(t)} ${f.text}, what are the ${s.many(shown!)} of those with ${s.one(n!)} ${side} the overall average?`,
        () =>
          `Among ${s.many(t)} ${f.text}, list the ${s.many(shown!)} of those whose ${s.one(n!)} ${s.be(n!)} ${side} the average of all ${s.many(t)}.`,
        () =>
          `Which ${s.many(t)} ${f.text} have ${s.one(n!)} ${side} the overall mean? Show the ${s.many(shown!)}.`,
      ],
    };
  }),
  single('above-average-two', ['unique', 'show', 'number'], (s, t, [a, b, n]) => {
    const { condition, side } = beyondAverage(s, n!);
    return {
      query: select([item(a!), item(b!)], t, {
        where: all(condition),
      }),
      wordings: [
        () =>
          `What are the ${s.one(a!)} and ${s.one(b!)} of the ${s.many(t)} with ${s.one(n!)} ${side} average?`,
        () =>
          `List the ${s.many(a!)} and ${s.many(b!)} of ${s.many(t)} whose ${s.one(n!)} ${s.be(n!)} ${side} the average.`,
        () =>
          `For every ${s.one(t)} with ${s.one(n!)} ${side} the mean, show the ${s.one(a!)} and the ${s.one(b!)}.`,
      ],
    };
  }),
  joined(
    'above-average-of-parent',
    ['unique', 'number'],
    ['category'],
    (s, link, [shown, n], [c]) => {
      const { child, parent, preposition } = link;
      const f = s.equal(c!, s.parentRow(link, s.row(child)))!;
      const { condition, side } = beyondAverage(s, n!);
      return {
        query: selectJoin([item(shown!)], [link], {
          where: all(f.condition, condition),
        }),
        wordings: [
          () =>
            `Which ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text} have ${s.one(n!)} ${side} the overall average? Show the ${s.many(shown!)}.`,
          () =>
            `For ${s.many(parent)} ${f.text}, list the ${s.many(shown!)} of their ${s.many(child)} with ${s.one(n!)} ${side} the average of all ${s.many(child)}.`,
          () =>
            `Show the ${s.many(shown!)} of ${s.many(child)} whose ${s.one(n!)} ${s.be(n!)} ${side} the overall mean, only ${preposition} ${s.many(parent)} ${f.text}.`,
        ],
      };
    },
  ),
  joined('both-children', ['ordered'], ['name'], (s, link, [n], [name]) => {
    const { child, parent } = link;
    const values = s.values(n!) as (string | number)[];
    const middle = values.length >> 1;
    const [f, g] = [
      s.compare(n!, '<', values[s.stream.range(middle - 2, middle)]!),
      s.compare(n!, '>', values[s.stream.range(middle, middle + 2)]!),
    ];
    return {
      query: compound(selectJoin([item(name!)], [link], { where: all(f.condition) }), 'INTERSECT', [
        selectJoin([item(name!)], [link], { where: all(g.condition) }),
      ]),
      wordings: [
        () =>
          `Which ${s.many(parent)} have both ${s.a(child)} ${f.text} and ${s.a(child)} ${g.text}? Show the ${s.many(name!)}.`,
        () =>
          `Find the ${s.many(name!)} of ${s.many(parent)} that have ${s.many(child)} ${f.text} and also ${s.many(child)} ${g.text}.`,
        () =>
          `List the ${s.one(name!)} of every ${s.one(parent)} with both ${s.many(child)} ${f.text} and ${s.many(child)} ${g.text}.`,
      ],
    };
  }),
  joined('count-without-children', [], [], (s, link) => ({
    query: select([countAll(link.parent)], link.parent, {
      where: all(withChildren(link, true)),
    }),
    wordings: [
      () => `How many ${s.many(link.parent)} have no ${s.many(link.child)}?`,
      () => `Count the ${s.many(link.parent)} without any ${s.one(link.child)}.`,
      () => `What is the number of ${s.many(link.parent)} that do not have ${s.a(link.child)}?`,
    ],
  })),
  joined('union-children', ['filter'], ['name', 'filter'], (s, link, [c], [name, d]) => {
    const { child, parent } = link;
    const f = s.filter(c!, s.row(child));
    const g = s.filter(d!, s.row(parent));
    return (
      f &&
      g && {
        query: compound(selectJoin([item(name!)], [link], { where: all(f.condition) }), 'UNION', [
          select([item(name!)], parent, { where: all(g.condition) }),
        ]),
        wordings: [
          () =>
            `Combine the ${s.many(name!)} of ${s.many(parent)} that have ${s.a(child)} ${f.text} and of ${s.many(parent)} ${g.text}.`,
          () =>
            `List the ${s.many(name!)} of ${s.many(parent)} with ${s.a(child)} ${f.text} together with those of ${s.many(parent)} ${g.text}.`,
          () =>
            `Show in one list the ${s.many(name!)} of ${s.many(parent)} that have ${s.a(child)} ${f.text} and those of ${s.many(parent)} ${g.text}.`,
        ],
      }
    );
  }),
  bridged(
    'across-superlative',
    ['ordered'],
    ['unique'],
    ['name'],
    (s, [a, b], [[n], [shown], [name]]) => {
      const value = s.parentRow(b, s.row(b.child))[name!.index] as string;
      const descending = s.stream.chance(0.5);
      const best = s.superlative(s.one(a.child), n!, descending);
      return {
        query: selectJoin([item(shown!)], [a, b], {
          where: all(named(name!, value)),
          orderBy: { item: item(n!), descending },
          limit: 1,
        }),
        wordings: [
          () =>
            `Of all ${s.many(a.child)} ${b.preposition} the ${s.one(b.parent)} ${value}, take the ${best}. What ${s.be(shown!)} the ${s.one(shown!)} of its ${s.one(a.parent)}?`,
          () =>
            `Among the ${s.many(a.child)} ${b.preposition} the ${s.one(b.parent)} ${value}, show the ${s.one(a.parent)} ${s.one(shown!)} of the ${best}.`,
          () =>
            `For the ${s.one(b.parent)} ${value}, find the ${best} and give the ${s.one(shown!)} of its ${s.one(a.parent)}.`,
        ],
      };
    },
  ),
  bridged('across-count', [], ['name'], ['filter'], (s, [a, b], [, [name], [c]]) => {
    const f = s.filter(c!, s.parentRow(b, s.row(b.child)));
    return (
      f && {
        query: selectJoin([item(name!), countAll(a.child)], [a, b], {
          where: all(f.condition),
          groupBy: ref(name!),
        }),
        wordings: [
          () =>
            `For each ${s.one(a.parent)}, show the ${s.one(name!)} and how many ${s.many(a.child)} ${b.preposition} ${s.many(b.parent)} ${f.text} there are.`,
          () =>
            `List each ${s.one(a.parent)} ${s.one(name!)} and its number of ${s.many(a.child)} ${b.preposition} ${s.many(b.parent)} ${f.text}.`,
          () =>
            `Counting ${s.many(a.child)} ${b.preposition} ${s.many(b.parent)} ${f.text}, give the ${s.one(name!)} of each ${s.one(a.parent)} and its count.`,
        ],
      }
    );
  }),
];
