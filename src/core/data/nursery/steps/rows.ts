/** Questions about the rows of one table, or of the children of certain parents. */
import { item, ref, type Filtering, type Scene } from '../scene.ts';
import type { NurseryColumn, NurseryTable } from '../schemas.ts';
import { aggregated, all, select, selectJoin, templatesOf } from '../templates/template.ts';
import { against, childrenOf, crossed, differ, extremeOf, plan, star, type End } from './parts.ts';
import { as, type Chain } from './chain.ts';

const { single, joined, bridged } = templatesOf('extra', 'steps');

interface Side {
  operator: '>' | '<';
  side: string;
}

function sideOf(s: Scene): Side {
  const above = s.stream.chance(0.5);
  return {
    operator: above ? '>' : '<',
    side: above ? s.say('above', 'higher than') : s.say('below', 'lower than'),
  };
}

const average = (n: NurseryColumn) => [as(aggregated('AVG', n), 'm')];

/** The rows beyond their own average. */
const beyondOwn =
  (s: Scene, n: NurseryColumn, { operator }: Side, shown: NurseryColumn): End[1] =>
  (chain, rows) => {
    const m = chain.cte(`their average ${s.one(n)}`, select(average(n), rows));
    const where = all(against(n, operator, m, 'm'));
    chain.answer(
      `${s.many(shown)} ${operator === '>' ? 'above' : 'below'} it`,
      select([item(shown)], rows, { where }),
    );
  };

/** The rows beyond the average of a whole table. */
const beyondAll =
  (s: Scene, n: NurseryColumn, { operator }: Side, shown: NurseryColumn, t: NurseryTable): End[1] =>
  (chain, rows) => {
    const m = chain.cte(`average ${s.one(n)} of all ${s.many(t)}`, select(average(n), t));
    const where = all(against(n, operator, m, 'm'));
    chain.answer(
      `${s.many(shown)} ${operator === '>' ? 'above' : 'below'} it`,
      select([item(shown)], rows, { where }),
    );
  };

/** Of the rows of a table beyond the average `m`, those that also pass a filter. */
const filteredBeyond =
  (s: Scene, n: NurseryColumn, { operator }: Side, shown: NurseryColumn, t: NurseryTable) =>
  (chain: Chain, m: NurseryTable, filter: Filtering): void => {
    const where = all(against(n, operator, m, 'm'));
    const word = operator === '>' ? 'above' : 'below';
    const beyond = chain.cte(`${s.many(t)} ${word} it`, star(t, { where }));
    chain.answer(
      `${s.many(shown)} of those ${filter.text}`,
      select([item(shown)], beyond, { where: all(filter.condition) }),
    );
  };

export const ROWS = [
  single('own-average', ['unique', 'number', 'category'], (s, t, [shown, n, c]) => {
    const f = s.equal(c!, s.row(t))!;
    const side = sideOf(s);
    const where = all(f.condition);
    const beyond = beyondOwn(s, n!, side, shown!);
    const filtered = `${s.many(t)} ${f.text}`;
    return {
      query: select([item(shown!)], t, {
        where: all(f.condition, {
          ...{ kind: 'compare', left: item(n!), operator: side.operator },
          right: select([aggregated('AVG', n!)], t, { where }),
        }),
      }),
      plans: [
        plan(s, 'filter', (chain) => beyond(chain, chain.cte(filtered, star(t, { where })))),
        plan(s, 'average', (chain) => {
          const m = chain.cte(
            `average ${s.one(n!)} of the ${filtered}`,
            select(average(n!), t, { where }),
          );
          filteredBeyond(s, n!, side, shown!, t)(chain, m, f);
        }),
      ],
      wordings: [
        () =>
          `Of the ${s.many(t)} ${f.text}, what are the ${s.many(shown!)} of those with ${s.one(n!)} ${side.side} their own average?`,
        () =>
          `Among ${s.many(t)} ${f.text}, list the ${s.many(shown!)} of those whose ${s.one(n!)} ${s.be(n!)} ${side.side} the average among them.`,
        () =>
          `Take the ${s.many(t)} ${f.text}. Which have ${s.one(n!)} ${side.side} the mean of these? Show the ${s.many(shown!)}.`,
      ],
    };
  }),
  single('overall-average', ['unique', 'number', 'category'], (s, t, [shown, n, c]) => {
    const f = s.equal(c!, s.row(t))!;
    const side = sideOf(s);
    const where = all(f.condition);
    const filtered = `${s.many(t)} ${f.text}`;
    const right = select([aggregated('AVG', n!)], t);
    const beyond = beyondAll(s, n!, side, shown!, t);
    return {
      query: select([item(shown!)], t, {
        where: all(f.condition, {
          ...{ kind: 'compare', left: item(n!), operator: side.operator, right },
        }),
      }),
      plans: [
        plan(s, 'filter', (chain) => beyond(chain, chain.cte(filtered, star(t, { where })))),
        plan(s, 'average', (chain) => {
          const m = chain.cte(`average ${s.one(n!)} of all ${s.many(t)}`, select(average(n!), t));
          filteredBeyond(s, n!, side, shown!, t)(chain, m, f);
        }),
      ],
      wordings: [
        () =>
          `Of the ${s.many(t)} ${f.text}, what are the ${s.many(shown!)} of those with ${s.one(n!)} ${side.side} the overall average?`,
        () =>
          `Among ${s.many(t)} ${f.text}, list the ${s.many(shown!)} of those whose ${s.one(n!)} ${s.be(n!)} ${side.side} the average of all ${s.many(t)}.`,
        () =>
          `Which ${s.many(t)} ${f.text} have ${s.one(n!)} ${side.side} the overall mean? Show the ${s.many(shown!)}.`,
      ],
    };
  }),
  joined('join-own-average', ['unique', 'number'], ['filter'], (s, link, [shown, n], [c]) => {
    const { child, parent, preposition } = link;
    const f = s.filter(c!, s.parentRow(link, s.row(child)));
    if (!f || !differ(shown!, n!, c!)) return undefined;
    const side = sideOf(s);
    return {
      query: selectJoin([item(shown!)], [link], {
        where: all(f.condition, {
          ...{ kind: 'compare', left: item(n!), operator: side.operator },
          right: selectJoin([aggregated('AVG', n!)], [link], { where: all(f.condition) }),
        }),
      }),
      plans: crossed(s, childrenOf(s, link, f, c!, [shown!, n!]), [
        ['average', beyondOwn(s, n!, side, shown!)],
      ]),
      wordings: [
        () =>
          `Of the ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}, which have ${s.one(n!)} ${side.side} their own average? Show the ${s.many(shown!)}.`,
        () =>
          `For ${s.many(parent)} ${f.text}, take all their ${s.many(child)} and list the ${s.many(shown!)} of those with ${s.one(n!)} ${side.side} the average among them.`,
        () =>
          `Show the ${s.many(shown!)} of the ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text} whose ${s.one(n!)} ${s.be(n!)} ${side.side} the mean of these ${s.many(child)}.`,
      ],
    };
  }),
  joined('join-overall-average', ['unique', 'number'], ['filter'], (s, link, [shown, n], [c]) => {
    const { child, parent, preposition } = link;
    const f = s.filter(c!, s.parentRow(link, s.row(child)));
    if (!f || !differ(shown!, n!, c!)) return undefined;
    const side = sideOf(s);
    const right = select([aggregated('AVG', n!)], child);
    return {
      query: selectJoin([item(shown!)], [link], {
        where: all(f.condition, {
          ...{ kind: 'compare', left: item(n!), operator: side.operator, right },
        }),
      }),
      plans: crossed(s, childrenOf(s, link, f, c!, [shown!, n!]), [
        ['average', beyondAll(s, n!, side, shown!, child)],
      ]),
      wordings: [
        () =>
          `Which ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text} have ${s.one(n!)} ${side.side} the overall average? Show the ${s.many(shown!)}.`,
        () =>
          `For ${s.many(parent)} ${f.text}, list the ${s.many(shown!)} of their ${s.many(child)} with ${s.one(n!)} ${side.side} the average of all ${s.many(child)}.`,
        () =>
          `Show the ${s.many(shown!)} of ${s.many(child)} whose ${s.one(n!)} ${s.be(n!)} ${side.side} the overall mean, only ${preposition} ${s.many(parent)} ${f.text}.`,
      ],
    };
  }),
  joined('join-best', ['ordered', 'unique'], ['filter'], (s, link, [n, shown], [c]) => {
    const { child, parent, preposition } = link;
    const f = s.filter(c!, s.parentRow(link, s.row(child)));
    if (!f || !differ(shown!, n!, c!)) return undefined;
    const descending = s.stream.chance(0.5);
    const best = s.superlative(s.one(child), n!, descending);
    return {
      query: selectJoin([item(shown!)], [link], {
        where: all(f.condition),
        orderBy: { item: item(n!), descending },
        limit: 1,
      }),
      plans: crossed(
        s,
        childrenOf(s, link, f, c!, [shown!, n!]),
        extremeOf(s, n!, descending, [shown!]),
      ),
      wordings: [
        () =>
          `Among the ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}, what ${s.be(shown!)} the ${s.one(shown!)} of the ${best}?`,
        () =>
          `For ${s.many(parent)} ${f.text}, show the ${s.one(shown!)} of the ${best} they have.`,
        () =>
          `Of all ${s.many(child)} ${preposition} ${s.many(parent)} ${f.text}, find the ${s.one(shown!)} of the ${best}.`,
      ],
    };
  }),
  single('best-of-top', ['unique', 'ordered', 'ordered'], (s, t, [shown, n, m]) => {
    const top = s.stream.range(3, 5);
    const most = s.stream.chance(0.5);
    const descending = s.stream.chance(0.5);
    if (shown === m) return undefined;
    const extreme = most ? 'highest' : 'lowest';
    const side = descending ? 'highest' : 'lowest';
    const first = { orderBy: { item: item(n!), descending: most }, limit: top };
    return {
      query: select([item(shown!)], t, {
        where: all({ kind: 'in', column: ref(t.key), query: select([item(t.key)], t, first) }),
        orderBy: { item: item(m!), descending },
        limit: 1,
      }),
      plans: [
        ...crossed(
          s,
          [
            [
              'rows',
              (chain) => chain.cte(`the ${top} with the ${extreme} ${s.one(n!)}`, star(t, first)),
            ],
          ],
          extremeOf(s, m!, descending, [shown!]).slice(1),
        ),
        plan(s, 'rows rank', (chain) => {
          const a = chain.cte(`the ${top} with the ${extreme} ${s.one(n!)}`, star(t, first));
          const orderBy = { item: item(m!), descending };
          const b = chain.cte(
            `of them the one with the ${side} ${s.one(m!)}`,
            star(a, { orderBy, limit: 1 }),
          );
          chain.answer(`its ${s.one(shown!)}`, select([item(shown!)], b));
        }),
      ],
      wordings: [
        () =>
          `Of the ${top} ${s.many(t)} with the ${extreme} ${s.one(n!)}, what ${s.be(shown!)} the ${s.one(shown!)} of the one with the ${side} ${s.one(m!)}?`,
        () =>
          `Take the ${top} ${s.many(t)} with the ${extreme} ${s.one(n!)} and show the ${s.one(shown!)} of the one whose ${s.one(m!)} ${s.be(m!)} ${side}.`,
        () =>
          `Among the ${top} ${s.many(t)} with the ${extreme} ${s.one(n!)}, find the ${s.one(shown!)} of that with the ${side} ${s.one(m!)}.`,
      ],
    };
  }),
  bridged('across', [], ['unique'], ['name'], (s, [a, b], [, [shown], [name]]) => {
    const value = s.parentRow(b, s.row(b.child))[name!.index] as string;
    const f = s.compare(name!, '=', value);
    const where = all(f.condition);
    const { child } = a;
    if (!differ(shown!, name!)) return undefined;
    const target = select([item(b.parent.key)], b.parent, { where });
    const through = select([item(a.column)], child, {
      where: all({ kind: 'in', column: ref(b.column), query: target }),
    });
    return {
      query: select([item(shown!)], a.parent, {
        where: all({ kind: 'in', column: ref(a.parent.key), query: through }),
      }),
      plans: [
        plan(s, 'forward', (chain) => {
          const first = chain.cte(`the ${s.one(b.parent)} ${value}`, target);
          const second = chain.cte(`its ${s.many(child)}`, {
            ...through,
            where: all({
              kind: 'in',
              column: ref(b.column),
              query: select([item(first.key)], first),
            }),
          });
          chain.answer(`${s.many(shown!)} of their ${s.many(a.parent)}`, {
            ...select([item(shown!)], a.parent),
            where: all({
              kind: 'in',
              column: ref(a.parent.key),
              query: select([item(second.columns[0]!)], second),
            }),
          });
        }),
        plan(s, 'join', (chain) => {
          const items = [item(a.column), item(name!)];
          const first = chain.cte(
            `each ${s.one(child)} and its ${s.one(b.parent)}`,
            selectJoin(items, [b]),
          );
          const second = chain.cte(`those of ${value}`, star(first, { where }));
          chain.answer(
            `${s.many(shown!)} of their ${s.many(a.parent)}`,
            select([item(shown!)], a.parent, {
              where: all({
                kind: 'in',
                column: ref(a.parent.key),
                query: select([item(second.columns[0]!)], second),
              }),
            }),
          );
        }),
      ],
      wordings: [
        () =>
          `Which ${s.many(a.parent)} have ${s.a(child)} ${b.preposition} the ${s.one(b.parent)} ${value}? Show the ${s.many(shown!)}.`,
        () =>
          `Find the ${s.many(shown!)} of the ${s.many(a.parent)} with any ${s.one(child)} ${b.preposition} the ${s.one(b.parent)} ${value}.`,
        () =>
          `List the ${s.one(shown!)} of every ${s.one(a.parent)} that has ${s.a(child)} ${b.preposition} the ${s.one(b.parent)} called ${value}.`,
      ],
    };
  }),
];
