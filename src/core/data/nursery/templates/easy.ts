import { countAll, item, ref } from '../scene.ts';
import { aggregated, all, measure, select, selectJoin, templatesOf } from './template.ts';

const { single, joined } = templatesOf('easy');

export const EASY = [
  single('list', ['unique'], (s, t, [shown]) => ({
    query: select([item(shown!)], t),
    wordings: [
      () => `What are the ${s.many(shown!)} of all ${s.many(t)}?`,
      () => `List the ${s.one(shown!)} of every ${s.one(t)}.`,
      () => `Show me the ${s.many(shown!)} of all the ${s.many(t)} we have.`,
    ],
  })),
  single('distinct', ['category'], (s, t, [shown]) => ({
    query: select([item(shown!)], t, { distinct: true }),
    wordings: [
      () => `What are the different ${s.many(shown!)} of the ${s.many(t)}?`,
      () => `List the distinct ${s.many(shown!)} of ${s.many(t)}.`,
      () => `Which ${s.many(shown!)} do the ${s.many(t)} have? Give each one only once.`,
    ],
  })),
  single('count', ['show'], (s, t) => ({
    query: select([countAll(t)], t),
    wordings: [
      () => `How many ${s.many(t)} are there?`,
      () => `Count all ${s.many(t)}.`,
      () => `What is the number of ${s.many(t)}?`,
    ],
  })),
  single('where-equal', ['unique', 'category'], (s, t, [shown, c]) => {
    const f = s.equal(c!, s.row(t))!;
    return {
      query: select([item(shown!)], t, { where: all(f.condition) }),
      wordings: [
        () => `What are the ${s.many(shown!)} of the ${s.many(t)} ${f.text}?`,
        () => `Show the ${s.one(shown!)} of every ${s.one(t)} ${f.text}.`,
        () => `List the ${s.many(shown!)} of all ${s.many(t)} ${f.text}.`,
      ],
    };
  }),
  single('where-compare', ['unique', 'ordered'], (s, t, [shown, c]) => {
    const f = s.threshold(c!, s.row(t));
    return (
      f && {
        query: select([item(shown!)], t, { where: all(f.condition) }),
        wordings: [
          () => `What are the ${s.many(shown!)} of the ${s.many(t)} ${f.text}?`,
          () => `Find the ${s.one(shown!)} of each ${s.one(t)} ${f.text}.`,
          () => `Give me the ${s.many(shown!)} of all ${s.many(t)} ${f.text}.`,
        ],
      }
    );
  }),
  single('where-at-least', ['unique', 'number'], (s, t, [shown, c]) => {
    const f = s.threshold(c!, s.row(t), ['>=', '<=']);
    return (
      f && {
        query: select([item(shown!)], t, { where: all(f.condition) }),
        wordings: [
          () => `What are the ${s.many(shown!)} of ${s.many(t)} ${f.text}?`,
          () => `Show the ${s.many(shown!)} of the ${s.many(t)} ${f.text}.`,
          () => `List the ${s.one(shown!)} of every ${s.one(t)} ${f.text}.`,
        ],
      }
    );
  }),
  single('look-up', ['name', 'show'], (s, t, [name, shown]) => {
    const value = s.row(t)[name!.index]! as string;
    return {
      query: select([item(shown!)], t, {
        where: all({ kind: 'compare', left: item(name!), operator: '=', right: value }),
      }),
      wordings: [
        () => `What ${s.be(shown!)} the ${s.one(shown!)} of the ${s.one(t)} ${value}?`,
        () => `Show the ${s.one(shown!)} of the ${s.one(t)} called ${value}.`,
        () => `Tell me the ${s.one(shown!)} of the ${s.one(t)} whose ${s.one(name!)} is ${value}.`,
      ],
    };
  }),
  single('aggregate', ['number'], (s, t, [c]) => {
    const { aggregate, word } = measure(s);
    return {
      query: select([aggregated(aggregate, c!)], t),
      wordings: [
        () => `What ${s.be(c!)} the ${word} ${s.one(c!)} of all ${s.many(t)}?`,
        () => `Find the ${word} ${s.one(c!)} of the ${s.many(t)}.`,
        () => `Give the ${word} ${s.one(c!)} over all ${s.many(t)}.`,
      ],
    };
  }),
  single('aggregate-where', ['number', 'category'], (s, t, [c, category]) => {
    const { aggregate, word } = measure(s);
    const f = s.equal(category!, s.row(t))!;
    return {
      query: select([aggregated(aggregate, c!)], t, { where: all(f.condition) }),
      wordings: [
        () => `What ${s.be(c!)} the ${word} ${s.one(c!)} of the ${s.many(t)} ${f.text}?`,
        () => `Compute the ${word} ${s.one(c!)} of all ${s.many(t)} ${f.text}.`,
        () => `For ${s.many(t)} ${f.text}, what ${s.be(c!)} the ${word} ${s.one(c!)}?`,
      ],
    };
  }),
  single('count-where', ['filter'], (s, t, [c]) => {
    const f = s.filter(c!, s.row(t));
    return (
      f && {
        query: select([countAll(t)], t, { where: all(f.condition) }),
        wordings: [
          () => `How many ${s.many(t)} are there ${f.text}?`,
          () => `Count the ${s.many(t)} ${f.text}.`,
          () => `What is the number of ${s.many(t)} ${f.text}?`,
        ],
      }
    );
  }),
  single('count-distinct', ['category'], (s, t, [c]) => ({
    query: select([{ ...item(c!), aggregate: 'COUNT', distinct: true }], t),
    wordings: [
      () => `How many different ${s.many(c!)} do the ${s.many(t)} have?`,
      () => `Count the distinct ${s.many(c!)} of the ${s.many(t)}.`,
      () => `What is the number of different ${s.many(c!)} among the ${s.many(t)}?`,
    ],
  })),
  single('order', ['unique', 'ordered'], (s, t, [shown, c]) => {
    const descending = s.stream.chance(0.5);
    return {
      query: select([item(shown!)], t, { orderBy: { item: item(c!), descending } }),
      wordings: [
        () => `List the ${s.many(shown!)} of all ${s.many(t)} ${s.sorting(c!, descending)}.`,
        () => `Show the ${s.one(shown!)} of every ${s.one(t)}, ${s.sorting(c!, descending)}.`,
        () => `What are the ${s.many(shown!)} of the ${s.many(t)} ${s.sorting(c!, descending)}?`,
      ],
    };
  }),
  single('between', ['unique', 'ordered'], (s, t, [shown, c]) => {
    const values = s.values(c!);
    const low = s.stream.range(1, values.length - 4);
    const high = s.stream.range(low + 2, values.length - 2);
    const [from, to] = [values[low] as string, values[high] as string];
    return {
      query: select([item(shown!)], t, {
        where: all({ kind: 'between', column: ref(c!), low: from, high: to }),
      }),
      wordings: [
        () =>
          `What are the ${s.many(shown!)} of the ${s.many(t)} with ${s.one(c!)} between ${from} and ${to}?`,
        () =>
          `Show the ${s.one(shown!)} of every ${s.one(t)} whose ${s.one(c!)} ${s.be(c!)} between ${from} and ${to}.`,
        () => `List the ${s.many(shown!)} of ${s.many(t)} with ${s.one(c!)} from ${from} to ${to}.`,
      ],
    };
  }),
  single('null', ['unique', 'nullable'], (s, t, [shown, c]) => ({
    query: select([item(shown!)], t, { where: all({ kind: 'null', column: ref(c!) }) }),
    wordings: [
      () => `What are the ${s.many(shown!)} of the ${s.many(t)} without any ${s.one(c!)}?`,
      () => `Show the ${s.one(shown!)} of every ${s.one(t)} that has no ${s.one(c!)}.`,
      () => `List the ${s.many(shown!)} of ${s.many(t)} whose ${s.one(c!)} is missing.`,
    ],
  })),
  single('not-null', ['unique', 'nullable'], (s, t, [shown, c]) => ({
    query: select([item(shown!)], t, {
      where: all({ kind: 'null', column: ref(c!), negated: true }),
    }),
    wordings: [
      () => `What are the ${s.many(shown!)} of the ${s.many(t)} that have some ${s.one(c!)}?`,
      () => `Show the ${s.one(shown!)} of every ${s.one(t)} that has a known ${s.one(c!)}.`,
      () => `List the ${s.many(shown!)} of ${s.many(t)} whose ${s.one(c!)} is not missing.`,
    ],
  })),
  single('where-not', ['unique', 'category'], (s, t, [shown, c]) => {
    const value = s.row(t)[c!.index] as string;
    return {
      query: select([item(shown!)], t, {
        where: all({ kind: 'compare', left: item(c!), operator: '!=', right: value }),
      }),
      wordings: [
        () =>
          `What are the ${s.many(shown!)} of the ${s.many(t)} whose ${s.one(c!)} is not ${value}?`,
        () => `Show the ${s.one(shown!)} of every ${s.one(t)} with ${s.a(c!)} other than ${value}.`,
        () =>
          `List the ${s.many(shown!)} of all ${s.many(t)} whose ${s.one(c!)} is anything but ${value}.`,
      ],
    };
  }),
  joined('with-children', [], ['name'], (s, link, _, [name]) => ({
    query: selectJoin([item(name!)], [link], { distinct: true }),
    wordings: [
      () =>
        `What are the ${s.many(name!)} of the ${s.many(link.parent)} that have ${s.many(link.child)}?`,
      () =>
        `List the ${s.one(name!)} of every ${s.one(link.parent)} with at least one ${s.one(link.child)}.`,
      () =>
        `Which ${s.many(link.parent)} have any ${s.many(link.child)}? Show each ${s.one(name!)} once.`,
    ],
  })),
  single('having', ['category'], (s, t, [c]) => {
    const counts = [...s.counts(c!).values()].sort((a, b) => a - b);
    const count = counts[s.stream.range(1, counts.length - 1)]!;
    return {
      query: select([item(c!)], t, {
        groupBy: ref(c!),
        having: { kind: 'compare', left: countAll(t), operator: '>=', right: count },
      }),
      wordings: [
        () => `Which ${s.many(c!)} have at least ${count} ${s.many(t)}?`,
        () => `Find every ${s.one(c!)} that occurs for ${count} or more ${s.many(t)}.`,
        () => `List the ${s.many(c!)} that at least ${count} ${s.many(t)} have.`,
      ],
    };
  }),
];
