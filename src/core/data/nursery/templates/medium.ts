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
} from './template.ts';

const { single, joined } = templatesOf('medium');

export const MEDIUM = [
  single('list-two', ['unique', 'show'], (s, t, [a, b]) => ({
    query: select([item(a!), item(b!)], t),
    wordings: [
      () => `What are the ${s.one(a!)} and the ${s.one(b!)} of each ${s.one(t)}?`,
      () => `List the ${s.many(a!)} and ${s.many(b!)} of all ${s.many(t)}.`,
      () => `For every ${s.one(t)}, show the ${s.one(a!)} and the ${s.one(b!)}.`,
    ],
  })),
  single('list-two-where', ['unique', 'show', 'filter'], (s, t, [a, b, c]) => {
    const f = s.filter(c!, s.row(t));
    return (
      f && {
        query: select([item(a!), item(b!)], t, { where: all(f.condition) }),
        wordings: [
          () => `What are the ${s.one(a!)} and ${s.one(b!)} of the ${s.many(t)} ${f.text}?`,
          () => `Show the ${s.many(a!)} and the ${s.many(b!)} of all ${s.many(t)} ${f.text}.`,
          () => `For each ${s.one(t)} ${f.text}, give the ${s.one(a!)} and the ${s.one(b!)}.`,
        ],
      }
    );
  }),
  single('where-and', ['unique', 'category', 'ordered'], (s, t, [shown, a, b]) => {
    const row = s.row(t);
    const [f, g] = [s.equal(a!, row)!, s.threshold(b!, row)];
    return (
      g && {
        query: select([item(shown!)], t, { where: all(f.condition, g.condition) }),
        wordings: [
          () => `What are the ${s.many(shown!)} of the ${s.many(t)} ${f.text} and ${g.text}?`,
          () => `Find the ${s.one(shown!)} of every ${s.one(t)} ${f.text} and ${g.text}.`,
          () => `Show the ${s.many(shown!)} of all ${s.many(t)} ${f.text} and also ${g.text}.`,
        ],
      }
    );
  }),
  single('where-or', ['unique', 'category', 'ordered'], (s, t, [shown, a, b]) => {
    const [f, g] = [s.equal(a!, s.row(t))!, s.threshold(b!, s.row(t))];
    return (
      g && {
        query: select([item(shown!)], t, { where: any(f.condition, g.condition) }),
        wordings: [
          () => `What are the ${s.many(shown!)} of the ${s.many(t)} ${f.text} or ${g.text}?`,
          () => `Find the ${s.one(shown!)} of every ${s.one(t)} either ${f.text} or ${g.text}.`,
          () => `Show the ${s.many(shown!)} of all ${s.many(t)} ${f.text} or else ${g.text}.`,
        ],
      }
    );
  }),
  single('where-either', ['unique', 'category'], (s, t, [shown, c]) => {
    const [a, b] = s.stream.sample(s.values(c!) as string[], 2) as [string, string];
    const is = (value: string) => named(c!, value);
    return {
      query: select([item(shown!)], t, { where: any(is(a), is(b)) }),
      wordings: [
        () =>
          `What are the ${s.many(shown!)} of the ${s.many(t)} whose ${s.one(c!)} is ${a} or ${b}?`,
        () =>
          `List the ${s.one(shown!)} of every ${s.one(t)} with either ${a} or ${b} as ${s.one(c!)}.`,
        () => `Show the ${s.many(shown!)} of ${s.many(t)} with ${s.one(c!)} ${a} or ${b}.`,
      ],
    };
  }),
  single('superlative', ['unique', 'ordered'], (s, t, [shown, c]) => {
    const descending = s.stream.chance(0.5);
    const best = s.superlative(s.one(t), c!, descending);
    return {
      query: select([item(shown!)], t, { orderBy: { item: item(c!), descending }, limit: 1 }),
      wordings: [
        () => `What ${s.be(shown!)} the ${s.one(shown!)} of the ${best}?`,
        () => `Show the ${s.one(shown!)} of the ${best}.`,
        () => `Find the ${best} and show the ${s.one(shown!)}.`,
      ],
    };
  }),
  single('top', ['unique', 'ordered'], (s, t, [shown, c]) => {
    const descending = s.stream.chance(0.6);
    const n = s.stream.range(2, 5);
    const best = s.superlative(s.many(t), c!, descending);
    return {
      query: select([item(shown!)], t, { orderBy: { item: item(c!), descending }, limit: n }),
      wordings: [
        () => `What are the ${s.many(shown!)} of the ${n} ${best}?`,
        () => `Find the ${n} ${best} and list their ${s.many(shown!)}.`,
        () => `Show the ${s.one(shown!)} of each of the ${n} ${best}.`,
      ],
    };
  }),
  single('where-order', ['unique', 'filter', 'ordered'], (s, t, [shown, a, b]) => {
    const f = s.filter(a!, s.row(t));
    const descending = s.stream.chance(0.5);
    return (
      f && {
        query: select([item(shown!)], t, {
          where: all(f.condition),
          orderBy: { item: item(b!), descending },
        }),
        wordings: [
          () =>
            `List the ${s.many(shown!)} of the ${s.many(t)} ${f.text}, ${s.sorting(b!, descending)}.`,
          () =>
            `For ${s.many(t)} ${f.text}, show the ${s.many(shown!)} ${s.sorting(b!, descending)}.`,
          () =>
            `What are the ${s.many(shown!)} of ${s.many(t)} ${f.text}, ${s.sorting(b!, descending)}?`,
        ],
      }
    );
  }),
  single('list-two-order', ['unique', 'ordered', 'show'], (s, t, [a, c, b]) => {
    const descending = s.stream.chance(0.5);
    return {
      query: select([item(a!), item(b!)], t, { orderBy: { item: item(c!), descending } }),
      wordings: [
        () =>
          `List the ${s.one(a!)} and ${s.one(b!)} of every ${s.one(t)}, ${s.sorting(c!, descending)}.`,
        () =>
          `Show the ${s.many(a!)} and ${s.many(b!)} of all ${s.many(t)}, ${s.sorting(c!, descending)}.`,
        () =>
          `What are the ${s.one(a!)} and the ${s.one(b!)} of each ${s.one(t)}, ${s.sorting(c!, descending)}?`,
      ],
    };
  }),
  single('group-count', ['category'], (s, t, [c]) => ({
    query: select([item(c!), countAll(t)], t, { groupBy: ref(c!) }),
    wordings: [
      () => `For each ${s.one(c!)}, how many ${s.many(t)} are there?`,
      () => `Show every ${s.one(c!)} and the number of ${s.many(t)} with it.`,
      () => `List each ${s.one(c!)} together with its count of ${s.many(t)}.`,
    ],
  })),
  single('group-aggregate', ['category', 'number'], (s, t, [c, n]) => {
    const { aggregate, word } = measure(s);
    return {
      query: select([item(c!), aggregated(aggregate, n!)], t, { groupBy: ref(c!) }),
      wordings: [
        () =>
          `For each ${s.one(c!)}, what ${s.be(n!)} the ${word} ${s.one(n!)} of the ${s.many(t)}?`,
        () => `Show every ${s.one(c!)} of ${s.many(t)} and the ${word} ${s.one(n!)} for it.`,
        () => `List the ${s.many(c!)} of ${s.many(t)} with the ${word} ${s.one(n!)} for each.`,
      ],
    };
  }),
  single('minimum-maximum', ['ordered'], (s, t, [c]) => {
    const temporal = c!.kind !== 'number';
    const [low, high] = temporal ? ['earliest', 'latest'] : ['lowest', 'highest'];
    return {
      query: select([aggregated('MIN', c!), aggregated('MAX', c!)], t),
      wordings: [
        () => `What are the ${low} and the ${high} ${s.one(c!)} of the ${s.many(t)}?`,
        () => `Find the ${low} ${s.one(c!)} and the ${high} ${s.one(c!)} of all ${s.many(t)}.`,
        () => `Show the ${low} ${s.one(c!)} of all ${s.many(t)} and then the ${high} one.`,
      ],
    };
  }),
  single('average-maximum', ['number'], (s, t, [c]) => ({
    query: select([aggregated('AVG', c!), aggregated('MAX', c!)], t),
    wordings: [
      () => `What are the average and the highest ${s.one(c!)} of the ${s.many(t)}?`,
      () => `Find the mean and the maximum ${s.one(c!)} of all ${s.many(t)}.`,
      () => `Show the average ${s.one(c!)} of the ${s.many(t)} and then the highest one.`,
    ],
  })),
  single('count-and-average', ['number', 'category'], (s, t, [n, c]) => {
    const f = s.equal(c!, s.row(t))!;
    return {
      query: select([countAll(t), aggregated('AVG', n!)], t, { where: all(f.condition) }),
      wordings: [
        () =>
          `How many ${s.many(t)} are there ${f.text}, and what ${s.be(n!)} their average ${s.one(n!)}?`,
        () => `Give the number and the average ${s.one(n!)} of the ${s.many(t)} ${f.text}.`,
        () => `Count the ${s.many(t)} ${f.text} and compute their mean ${s.one(n!)}.`,
      ],
    };
  }),
  single('aggregate-where-two', ['number', 'category', 'ordered'], (s, t, [n, a, b]) => {
    const row = s.row(t);
    const [f, g] = [s.equal(a!, row)!, s.threshold(b!, row)];
    const { aggregate, word } = measure(s);
    return (
      g && {
        query: select([aggregated(aggregate, n!)], t, { where: all(f.condition, g.condition) }),
        wordings: [
          () =>
            `What ${s.be(n!)} the ${word} ${s.one(n!)} of ${s.many(t)} ${f.text} and ${g.text}?`,
          () => `Find the ${word} ${s.one(n!)} of the ${s.many(t)} ${f.text} and ${g.text}.`,
          () => `For ${s.many(t)} ${f.text} and ${g.text}, give the ${word} ${s.one(n!)}.`,
        ],
      }
    );
  }),
  single('where-having', ['category', 'ordered'], (s, t, [c, n]) => {
    const f = s.threshold(n!, s.row(t));
    const least = s.stream.range(2, 3);
    return (
      f && {
        query: select([item(c!)], t, {
          where: all(f.condition),
          groupBy: ref(c!),
          having: { kind: 'compare', left: countAll(t), operator: '>=', right: least },
        }),
        wordings: [
          () => `Which ${s.many(c!)} have at least ${least} ${s.many(t)} ${f.text}?`,
          () => `Find every ${s.one(c!)} with ${least} or more ${s.many(t)} ${f.text}.`,
          () => `Among ${s.many(t)} ${f.text}, which ${s.many(c!)} occur at least ${least} times?`,
        ],
      }
    );
  }),
  single('like', ['name', 'unique'], (s, t, [name, shown]) => {
    const f = like(s, name!, s.row(t));
    return {
      query: select([item(shown!)], t, { where: all(f.condition) }),
      wordings: [
        () => `What are the ${s.many(shown!)} of the ${s.many(t)} whose ${s.one(name!)} ${f.text}?`,
        () => `Show the ${s.one(shown!)} of every ${s.one(t)} whose ${s.one(name!)} ${f.text}.`,
        () => `Find ${s.many(t)} whose ${s.one(name!)} ${f.text} and list their ${s.many(shown!)}.`,
      ],
    };
  }),
  single('count-like', ['name'], (s, t, [name]) => {
    const f = like(s, name!, s.row(t));
    return {
      query: select([countAll(t)], t, { where: all(f.condition) }),
      wordings: [
        () => `How many ${s.many(t)} have ${s.a(name!)} that ${f.text}?`,
        () => `Count the ${s.many(t)} whose ${s.one(name!)} ${f.text}.`,
        () => `What is the number of ${s.many(t)} whose ${s.one(name!)} ${f.text}?`,
      ],
    };
  }),
  joined('of-parent', ['unique'], ['name'], (s, link, [shown], [name]) => {
    const { child, parent, preposition } = link;
    const value = s.parentRow(link, s.row(child))[name!.index] as string;
    return {
      query: selectJoin([item(shown!)], [link], { where: all(named(name!, value)) }),
      wordings: [
        () =>
          `What are the ${s.many(shown!)} of the ${s.many(child)} ${preposition} the ${s.one(parent)} ${value}?`,
        () =>
          `List the ${s.one(shown!)} of every ${s.one(child)} ${preposition} the ${s.one(parent)} called ${value}.`,
        () =>
          `Which ${s.many(child)} does the ${s.one(parent)} ${value} have? Show the ${s.many(shown!)}.`,
      ],
    };
  }),
  joined('parent-where', ['unique'], ['filter'], (s, link, [shown], [c]) => {
    const { child, parent, preposition } = link;
    const f = s.filter(c!, s.parentRow(link, s.row(child)));
    return (
      f && {
        query: selectJoin([item(shown!)], [link], { where: all(f.condition) }),
        wordings: [
          () =>
            `What are the ${s.many(shown!)} of ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}?`,
          () =>
            `Show the ${s.one(shown!)} of every ${s.one(child)} ${preposition} ${s.a(parent)} ${f.text}.`,
          () =>
            `Find the ${s.many(parent)} ${f.text} and list the ${s.many(shown!)} of their ${s.many(child)}.`,
        ],
      }
    );
  }),
  joined('child-where', ['filter'], ['unique'], (s, link, [c], [shown]) => {
    const { child, parent } = link;
    const f = s.filter(c!, s.row(child));
    return (
      f && {
        query: selectJoin([item(shown!)], [link], { distinct: true, where: all(f.condition) }),
        wordings: [
          () =>
            `What are the different ${s.many(shown!)} of ${s.many(parent)} with ${s.many(child)} ${f.text}?`,
          () =>
            `Show the distinct ${s.many(shown!)} of ${s.many(parent)} that have ${s.a(child)} ${f.text}.`,
          () =>
            `Which ${s.many(parent)} have ${s.many(child)} ${f.text}? Give each ${s.one(shown!)} once.`,
        ],
      }
    );
  }),
  joined('pairs', ['unique'], ['unique'], (s, link, [a], [b]) => ({
    query: selectJoin([item(a!), item(b!)], [link]),
    wordings: [
      () =>
        `Show the ${s.one(a!)} of each ${s.one(link.child)} and the ${s.one(b!)} of the ${s.one(link.parent)}.`,
      () =>
        `For every ${s.one(link.child)}, what are the ${s.one(a!)} and the ${s.one(b!)} of the ${s.one(link.parent)}?`,
      () =>
        `List the ${s.many(a!)} of all ${s.many(link.child)} with the ${s.one(b!)} of the ${s.one(link.parent)} of each.`,
    ],
  })),
  joined('count-of-parent', [], ['name'], (s, link, _, [name]) => {
    const { child, parent, preposition } = link;
    const value = s.parentRow(link, s.row(child))[name!.index] as string;
    return {
      query: selectJoin([countAll(child)], [link], { where: all(named(name!, value)) }),
      wordings: [
        () => `How many ${s.many(child)} does the ${s.one(parent)} ${value} have?`,
        () => `Count the ${s.many(child)} ${preposition} the ${s.one(parent)} ${value}.`,
        () =>
          `What is the number of ${s.many(child)} ${preposition} the ${s.one(parent)} called ${value}?`,
      ],
    };
  }),
  joined('aggregate-of-parent', ['number'], ['filter'], (s, link, [n], [c]) => {
    const { child, parent, preposition } = link;
    const f = s.filter(c!, s.parentRow(link, s.row(child)));
    const { aggregate, word } = measure(s);
    return (
      f && {
        query: selectJoin([aggregated(aggregate, n!)], [link], { where: all(f.condition) }),
        wordings: [
          () =>
            `What ${s.be(n!)} the ${word} ${s.one(n!)} of ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}?`,
          () =>
            `Find the ${word} ${s.one(n!)} over all ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}.`,
          () =>
            `For ${s.many(parent)} ${f.text}, give the ${word} ${s.one(n!)} of their ${s.many(child)}.`,
        ],
      }
    );
  }),
  joined('count-per-parent', [], ['name'], (s, link, _, [name]) => ({
    query: selectJoin([item(name!), countAll(link.child)], [link], { groupBy: ref(name!) }),
    wordings: [
      () =>
        `Show the ${s.one(name!)} of each ${s.one(link.parent)} with ${s.many(link.child)} and how many there are.`,
      () =>
        `For every ${s.one(link.parent)} that has ${s.many(link.child)}, give the ${s.one(name!)} and the number of ${s.many(link.child)}.`,
      () =>
        `List the ${s.many(name!)} of ${s.many(link.parent)} that have ${s.many(link.child)}, with the count for each.`,
    ],
  })),
  joined('aggregate-per-parent', ['number'], ['name'], (s, link, [n], [name]) => {
    const { aggregate, word } = measure(s);
    return {
      query: selectJoin([item(name!), aggregated(aggregate, n!)], [link], { groupBy: ref(name!) }),
      wordings: [
        () =>
          `Show the ${s.one(name!)} of each ${s.one(link.parent)} and the ${word} ${s.one(n!)} of its ${s.many(link.child)}.`,
        () =>
          `For every ${s.one(link.parent)} with ${s.many(link.child)}, give the ${s.one(name!)} and the ${word} ${s.one(link.child)} ${s.one(n!)}.`,
        () =>
          `List the ${s.many(name!)} of the ${s.many(link.parent)} with the ${word} ${s.one(n!)} of their ${s.many(link.child)}.`,
      ],
    };
  }),
  joined('parent-category', [], ['category'], (s, link, _, [c]) => ({
    query: selectJoin([item(c!), countAll(link.child)], [link], { groupBy: ref(c!) }),
    wordings: [
      () =>
        `How many ${s.many(link.child)} are there for each ${s.one(c!)} of the ${s.one(link.parent)}? Show the ${s.one(c!)} first.`,
      () =>
        `For every ${s.one(link.parent)} ${s.one(c!)}, give the ${s.one(c!)} and the number of ${s.many(link.child)}.`,
      () =>
        `List each ${s.one(c!)} of ${s.many(link.parent)} and its count of ${s.many(link.child)}.`,
    ],
  })),
];
