/** Questions about groups: parents by their children, categories by their rows. */
import { countAll, item, NEARLY_ALL, ref, type Scene } from '../scene.ts';
import type { Link, NurseryColumn, NurseryTable } from '../schemas.ts';
import {
  aggregated,
  all,
  select,
  selectJoin,
  templatesOf,
  withChildren,
} from '../templates/template.ts';
import { as, columnNamed, type Chain } from './chain.ts';
import {
  childrenOf,
  crossed,
  differ,
  extremeOf,
  measured,
  measureText,
  plan,
  sideText,
  star,
  topParent,
  within,
  type End,
  type Grouped,
  type Part,
} from './parts.ts';

const { single, joined } = templatesOf('extra', 'steps');

/** Query and plans for the parent whose children have the most, the largest sum, …. */
function topSketch(s: Scene, link: Link, group: Grouped, shown: NurseryColumn) {
  const { child, parent } = link;
  const { descending, of } = group;
  return {
    query: selectJoin([item(shown)], [link], {
      groupBy: ref(parent.key),
      orderBy: { item: of ? aggregated(group.aggregate, of) : countAll(child), descending },
      limit: 1,
    }),
    plans: [
      ...crossed(s, [['all', () => child]], topParent(s, link, group, shown)),
      plan(s, 'join rank', (chain) => {
        const items = [parent.key, shown, ...(of ? [of] : [])].map(item);
        const a = chain.cte(
          `each ${s.one(child)} and its ${s.one(parent)}`,
          selectJoin(items, [link]),
        );
        const b = chain.cte(
          `${measureText(s, group, child)} of each ${s.one(parent)}`,
          select([item(shown), measured(group, a)], a, { groupBy: ref(parent.key) }),
        );
        const orderBy = { item: item(columnNamed(b, 'n')), descending };
        const text = `${s.one(shown)} of the ${sideText(group)}`;
        chain.answer(text, select([item(shown)], b, { orderBy, limit: 1 }));
      }),
    ],
  };
}

export const GROUPS = [
  joined('parent-most', [], ['unique'], (s, link, _, [shown]) => {
    const { child, parent } = link;
    const group: Grouped = { aggregate: 'COUNT', descending: true };
    return {
      ...topSketch(s, link, group, shown!),
      wordings: [
        () =>
          `What ${s.be(shown!)} the ${s.one(shown!)} of the ${s.one(parent)} with the most ${s.many(child)}?`,
        () => `Which ${s.one(parent)} has the most ${s.many(child)}? Show the ${s.one(shown!)}.`,
        () =>
          `Find the ${s.one(shown!)} of the ${s.one(parent)} that has the most ${s.many(child)}.`,
      ],
    };
  }),
  joined('parent-best', ['number'], ['unique'], (s, link, [n], [shown]) => {
    const { child, parent } = link;
    if (!differ(parent.key, shown!, n!)) return undefined;
    const aggregate = s.stream.pick(['AVG', 'SUM'] as const);
    const group: Grouped = { aggregate, of: n!, descending: s.stream.chance(0.6) };
    const text = measureText(s, group, child);
    const side = sideText(group);
    return {
      ...topSketch(s, link, group, shown!),
      wordings: [
        () =>
          `What ${s.be(shown!)} the ${s.one(shown!)} of the ${s.one(parent)} whose ${s.many(child)} have the ${side} ${text}?`,
        () =>
          `Which ${s.one(parent)} has the ${side} ${text} over its ${s.many(child)}? Show the ${s.one(shown!)}.`,
        () =>
          `Find the ${s.one(shown!)} of the ${s.one(parent)} with the ${side} ${text} of ${s.many(child)}.`,
      ],
    };
  }),
  joined('parent-least', ['ordered'], ['unique'], (s, link, [c], [shown]) => {
    const { child, parent, column } = link;
    const f = s.threshold(c!, s.row(child), ['>', '<'], NEARLY_ALL);
    if (!f) return undefined;
    const least = s.stream.range(2, 3);
    const where = all(f.condition);
    const n = 'n';
    const enough = (table: NurseryTable) =>
      all({
        ...{ kind: 'compare', left: item(columnNamed(table, n)), operator: '>=', right: least },
      });
    const counts = (chain: Chain, rows: NurseryTable, text: string, rest = {}): NurseryTable =>
      chain.cte(
        text,
        select([item(column), as(countAll(rows), n)], rows, { ...rest, groupBy: ref(column) }),
      );
    const final = (chain: Chain, table: NurseryTable, rest = {}): void => {
      const query = select([item(columnNamed(table, column.name))], table, rest);
      chain.answer(
        `their ${s.many(shown!)}`,
        select([item(shown!)], parent, {
          where: all({ kind: 'in', column: ref(parent.key), query }),
        }),
      );
    };
    const each = `number of ${s.many(child)} of each ${s.one(parent)}`;
    return {
      query: select([item(shown!)], parent, {
        where: all({
          ...{ kind: 'in', column: ref(parent.key) },
          query: select([item(column)], child, {
            where,
            groupBy: ref(column),
            having: { kind: 'compare', left: countAll(child), operator: '>=', right: least },
          }),
        }),
      }),
      plans: [
        plan(s, 'filter count', (chain) => {
          const a = chain.cte(`${s.many(child)} ${f.text}`, star(child, { where }));
          const b = counts(chain, a, each);
          final(chain, b, { where: enough(b) });
        }),
        plan(s, 'filter count cut', (chain) => {
          const a = chain.cte(`${s.many(child)} ${f.text}`, star(child, { where }));
          const b = counts(chain, a, each);
          const cut = select([item(column)], b, { where: enough(b) });
          final(chain, chain.cte(`those with at least ${least}`, cut));
        }),
        plan(s, 'count cut', (chain) => {
          const text = `number of ${s.many(child)} ${f.text} of each ${s.one(parent)}`;
          const a = counts(chain, child, text, { where });
          const cut = select([item(column)], a, { where: enough(a) });
          final(chain, chain.cte(`those with at least ${least}`, cut));
        }),
      ],
      wordings: [
        () =>
          `Which ${s.many(parent)} have at least ${least} ${s.many(child)} ${f.text}? Show the ${s.many(shown!)}.`,
        () =>
          `List the ${s.many(shown!)} of ${s.many(parent)} with ${least} or more ${s.many(child)} ${f.text}.`,
        () =>
          `Counting only ${s.many(child)} ${f.text}, show the ${s.one(shown!)} of every ${s.one(parent)} with no fewer than ${least}.`,
      ],
    };
  }),
  single('group-best', ['category', 'number', 'ordered'], (s, t, [c, n, o]) => {
    const f = s.threshold(o!, s.row(t));
    if (!f) return undefined;
    const descending = s.stream.chance(0.5);
    const aggregate = s.stream.pick(['AVG', 'SUM'] as const);
    const group: Grouped = { aggregate, of: n!, descending };
    const where = all(f.condition);
    const text = `${measureText(s, group, t)} of each ${s.one(c!)}`;
    const items = [item(c!), measured(group, t)];
    const parts: Part[] = [
      [
        'filter',
        (chain) => {
          const a = chain.cte(`${s.many(t)} ${f.text}`, star(t, { where }));
          return chain.cte(text, select(items, a, { groupBy: ref(c!) }));
        },
      ],
      [
        'group',
        (chain) =>
          chain.cte(`${text}, only ${f.text}`, select(items, t, { where, groupBy: ref(c!) })),
      ],
    ];
    const ends: End[] = ['cut', 'compare'].map((id, e): End => [
      id,
      (chain, rows) => extremeOf(s, columnNamed(rows, 'n'), descending, [c!])[e]![1](chain, rows),
    ]);
    return {
      query: select([item(c!)], t, {
        where,
        groupBy: ref(c!),
        orderBy: { item: aggregated(aggregate, n!), descending },
        limit: 1,
      }),
      // One CTE and a cut would be too short a chain.
      plans: crossed(s, parts, ends).filter((_, i) => i !== 2),
      wordings: [
        () =>
          `Among the ${s.many(t)} ${f.text}, which ${s.one(c!)} has the ${sideText(group)} ${measureText(s, group, t)}?`,
        () =>
          `Look only at ${s.many(t)} ${f.text}: find the ${s.one(c!)} with the ${sideText(group)} ${measureText(s, group, t)}.`,
        () =>
          `For ${s.many(t)} ${f.text}, show the ${s.one(c!)} whose ${measureText(s, group, t)} is ${sideText(group)}.`,
      ],
    };
  }),
  joined('join-group', ['category'], ['filter'], (s, link, [c], [f1]) => {
    const { child, parent, preposition } = link;
    const f = s.filter(f1!, s.parentRow(link, s.row(child)));
    if (!f || !differ(c!, f1!)) return undefined;
    const end: End = [
      'count',
      (chain, rows) =>
        chain.answer(
          `number of each ${s.one(c!)}`,
          select([item(c!), countAll(rows)], rows, { groupBy: ref(c!) }),
        ),
    ];
    return {
      query: selectJoin([item(c!), countAll(child)], [link], {
        where: all(f.condition),
        groupBy: ref(c!),
      }),
      plans: crossed(s, childrenOf(s, link, f, f1!, [c!]), [end]),
      wordings: [
        () =>
          `For ${s.many(parent)} ${f.text}, show each ${s.one(c!)} of their ${s.many(child)} and the number of them.`,
        () =>
          `How often does each ${s.one(c!)} occur among ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}? Show the ${s.one(c!)} first.`,
        () =>
          `Count the ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}, listing each ${s.one(c!)} and its count.`,
      ],
    };
  }),
  joined('both-children', ['ordered'], ['name'], (s, link, [n], [name]) => {
    const { child, parent, column } = link;
    const values = s.values(n!) as (string | number)[];
    const middle = values.length >> 1;
    const [f, g] = [
      s.compare(n!, '<', values[s.stream.range(middle - 2, middle)]!),
      s.compare(n!, '>', values[s.stream.range(middle, middle + 2)]!),
    ];
    const keys = (condition: typeof f.condition) =>
      select([item(column)], child, { where: all(condition) });
    const inside = (query: ReturnType<typeof keys>) =>
      ({ kind: 'in', column: ref(parent.key), query }) as const;
    const final = (chain: Chain, ...tables: NurseryTable[]): void =>
      chain.answer(
        `their ${s.many(name!)}`,
        select([item(name!)], parent, {
          where: all(...tables.map((table) => within(parent.key, table, column))),
        }),
      );
    const both = (chain: Chain): [NurseryTable, NurseryTable] => [
      chain.cte(`${s.many(child)} ${f.text}`, keys(f.condition)),
      chain.cte(`${s.many(child)} ${g.text}`, keys(g.condition)),
    ];
    return {
      query: select([item(name!)], parent, {
        where: all(inside(keys(f.condition)), inside(keys(g.condition))),
      }),
      plans: [
        plan(s, 'both', (chain) => final(chain, ...both(chain))),
        plan(s, 'intersect', (chain) => {
          const [a, b] = both(chain);
          const query = select([item(columnNamed(b, column.name))], b);
          const c = chain.cte(`${s.many(parent)} of both`, {
            ...select([item(column)], a),
            compound: { operator: 'INTERSECT', query },
          });
          final(chain, c);
        }),
        plan(s, 'narrow', (chain) => {
          const a = chain.cte(`${s.many(child)} ${f.text}`, keys(f.condition));
          const where = all(within(column, a, column), g.condition);
          final(
            chain,
            chain.cte(
              `of the same ${s.many(parent)} ${g.text}`,
              select([item(column)], child, { where }),
            ),
          );
        }),
      ],
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
  joined('only-others', ['filter'], ['name'], (s, link, [c], [name]) => {
    const { child, parent, column } = link;
    const f = s.filter(c!, s.row(child));
    if (!f) return undefined;
    const having = (chain: Chain): NurseryTable =>
      chain.cte(`${s.many(parent)} with ${s.many(child)}`, select([item(column)], child));
    const bad = (chain: Chain): NurseryTable =>
      chain.cte(
        `those with ${s.a(child)} ${f.text}`,
        select([item(column)], child, { where: all(f.condition) }),
      );
    const shown = `their ${s.many(name!)}`;
    return {
      query: select([item(name!)], parent, {
        where: all(withChildren(link, false), withChildren(link, true, all(f.condition))),
      }),
      plans: [
        plan(s, 'minus', (chain) => {
          const [a, b] = [having(chain), bad(chain)];
          const where = all(within(parent.key, a, column), within(parent.key, b, column, true));
          chain.answer(shown, select([item(name!)], parent, { where }));
        }),
        plan(s, 'except', (chain) => {
          const [a, b] = [having(chain), bad(chain)];
          const query = select([item(columnNamed(b, column.name))], b);
          const left = chain.cte('the others', {
            ...select([item(column)], a),
            compound: { operator: 'EXCEPT', query },
          });
          const where = all(within(parent.key, left, column));
          chain.answer(shown, select([item(name!)], parent, { where }));
        }),
        plan(s, 'rows', (chain) => {
          const a = bad(chain);
          const text = `${s.many(child)} of the others`;
          const b = chain.cte(text, star(child, { where: all(within(column, a, column, true)) }));
          const where = all(within(parent.key, b, column));
          chain.answer(shown, select([item(name!)], parent, { where }));
        }),
      ],
      wordings: [
        () =>
          `Which ${s.many(parent)} have ${s.many(child)} but none ${f.text}? Show the ${s.many(name!)}.`,
        () =>
          `Find the ${s.many(name!)} of ${s.many(parent)} that have ${s.many(child)}, but no ${s.one(child)} ${f.text}.`,
        () =>
          `List the ${s.one(name!)} of every ${s.one(parent)} with ${s.many(child)}, leaving out those with any ${s.one(child)} ${f.text}.`,
      ],
    };
  }),
  joined('without-where', [], ['unique', 'filter'], (s, link, _, [shown, c]) => {
    const { child, parent, column } = link;
    const f = s.filter(c!, s.row(parent));
    if (!f) return undefined;
    const where = all(f.condition);
    const filtered = `${s.many(parent)} ${f.text}`;
    const having = `${s.many(parent)} with ${s.many(child)}`;
    return {
      query: select([item(shown!)], parent, { where: all(f.condition, withChildren(link, true)) }),
      plans: [
        plan(s, 'filter', (chain) => {
          const a = chain.cte(filtered, star(parent, { where }));
          const b = chain.cte(having, select([item(column)], child));
          const others = all(within(parent.key, b, column, true));
          chain.answer(
            `${s.many(shown!)} of the others`,
            select([item(shown!)], a, { where: others }),
          );
        }),
        plan(s, 'minus', (chain) => {
          const a = chain.cte(having, select([item(column)], child));
          const others = all(within(parent.key, a, column, true));
          const b = chain.cte(`the other ${s.many(parent)}`, star(parent, { where: others }));
          chain.answer(
            `${s.many(shown!)} of those ${f.text}`,
            select([item(shown!)], b, { where }),
          );
        }),
      ],
      wordings: [
        () =>
          `What are the ${s.many(shown!)} of the ${s.many(parent)} ${f.text} that have no ${s.many(child)}?`,
        () =>
          `List the ${s.one(shown!)} of every ${s.one(parent)} without any ${s.one(child)} and ${f.text}.`,
        () =>
          `Which ${s.many(parent)} ${f.text} do not have any ${s.many(child)}? Show the ${s.many(shown!)}.`,
      ],
    };
  }),
];
