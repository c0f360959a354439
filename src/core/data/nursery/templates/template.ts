/** Shapes shared by the templates of all levels. */
import type { Level } from '../hardness.ts';
import type { Condition, Item, Join, Query, SetOperator } from '../query.ts';
import { item, ref, type Filtering, type Scene, type Sketch } from '../scene.ts';
import type { Value } from '../rows.ts';
import type { Role } from '../plan.ts';
import type { Link, NurseryColumn, NurseryTable } from '../schemas.ts';

export interface Template {
  /** `level/name`; a skill is this and the number of the wording. */
  id: string;
  level: Level;
  /** Undefined when the schema or the rows drawn do not suit. */
  sketch(scene: Scene): Sketch | undefined;
}

function template<Args extends unknown[]>(
  [level, group]: readonly [Level, string],
  name: string,
  fit: (scene: Scene) => Args | undefined,
  draft: (scene: Scene, ...args: Args) => Sketch | undefined,
): Template {
  return {
    id: `${group}/${name}`,
    level,
    sketch(scene) {
      const args = fit(scene);
      return args && draft(scene, ...args);
    },
  };
}

type Columns = NurseryColumn[];

/**
 * Templates of one level: about one table, a child and its parent, or a child and two parents.
 * @param group first part of their ids
 */
export function templatesOf(level: Level, group: string = level) {
  const of = [level, group] as const;
  return {
    single: (
      name: string,
      roles: readonly Role[],
      draft: (s: Scene, table: NurseryTable, columns: Columns) => Sketch | undefined,
    ): Template =>
      template(
        of,
        name,
        (s): [NurseryTable, Columns] | undefined => {
          const table = s.table(roles);
          const columns = table && s.columns(table, roles);
          return columns && [table, columns];
        },
        draft,
      ),
    joined: (
      name: string,
      childRoles: readonly Role[],
      parentRoles: readonly Role[],
      draft: (s: Scene, link: Link, child: Columns, parent: Columns) => Sketch | undefined,
    ): Template =>
      template(
        of,
        name,
        (s): [Link, Columns, Columns] | undefined => {
          const link = s.link(childRoles, parentRoles);
          const child = link && s.columns(link.child, childRoles);
          const parent = link && s.columns(link.parent, parentRoles);
          return child && parent && [link, child, parent];
        },
        draft,
      ),
    bridged: (
      name: string,
      childRoles: readonly Role[],
      firstRoles: readonly Role[],
      secondRoles: readonly Role[],
      draft: (
        s: Scene,
        links: readonly [Link, Link],
        columns: readonly [child: Columns, first: Columns, second: Columns],
      ) => Sketch | undefined,
    ): Template =>
      template(
        of,
        name,
        (s): [[Link, Link], [Columns, Columns, Columns]] | undefined => {
          const links = s.bridge(childRoles, firstRoles, secondRoles);
          if (!links) return undefined;
          const child = s.columns(links[0].child, childRoles);
          const first = s.columns(links[0].parent, firstRoles);
          const second = s.columns(links[1].parent, secondRoles);
          return child && first && second && [links, [child, first, second]];
        },
        draft,
      ),
  };
}

type Rest = Omit<Query, 'select' | 'from' | 'joins'>;

export const select = (items: Item[], table: NurseryTable, rest: Rest = {}): Query => ({
  select: items,
  from: table.name,
  joins: [],
  ...rest,
});

const joinOf = (link: Link): Join => ({
  table: link.parent.name,
  left: ref(link.column),
  right: ref(link.parent.key),
});

/** FROM the child JOIN its parents. */
export const selectJoin = (
  items: Item[],
  links: readonly [Link, ...Link[]],
  rest: Rest = {},
): Query => ({
  select: items,
  from: links[0].child.name,
  joins: links.map(joinOf),
  ...rest,
});

export const all = (...conditions: Condition[]): Query['where'] & object => ({
  connector: 'AND',
  conditions,
});

export const any = (...conditions: Condition[]): Query['where'] & object => ({
  connector: 'OR',
  conditions,
});

export const aggregated = (aggregate: NonNullable<Item['aggregate']>, column: NurseryColumn) => ({
  ...item(column),
  aggregate,
});

/** An aggregate over a number and the words for it. */
export function measure(s: Scene): {
  aggregate: 'AVG' | 'MIN' | 'MAX' | 'SUM';
  word: string;
} {
  const aggregate = s.stream.pick(['AVG', 'MIN', 'MAX', 'SUM'] as const);
  const words = {
    AVG: ['average', 'mean'],
    MIN: ['lowest', 'minimum'],
    MAX: ['highest', 'maximum'],
    SUM: ['total', 'combined'],
  }[aggregate];
  return { aggregate, word: s.stream.pick(words) };
}

/** column = 'value'. */
export const named = (column: NurseryColumn, value: string): Condition => ({
  kind: 'compare',
  left: item(column),
  operator: '=',
  right: value,
});

export const compound = (query: Query, operator: SetOperator, [second]: [Query]): Query => ({
  ...query,
  compound: { operator, query: second },
});

/** LIKE with a part of the row's name; the text follows `whose name`. */
export function like(s: Scene, name: NurseryColumn, row: readonly Value[]): Filtering {
  const value = row[name.index] as string;
  const first = value[0]!;
  const last = value[value.length - 1]!;
  const at = s.stream.int(Math.max(1, value.length - 3));
  const part = value.slice(at + 1, at + 3).trim();
  const [pattern, text] = s.stream.pick([
    [`${first}%`, `starts with ${first}`],
    [`%${last}`, `ends with ${last}`],
    [`%${part}%`, `contains ${part}`],
  ] as const);
  return { condition: { kind: 'like', column: ref(name), pattern }, text };
}

/** The parent's key NOT IN the children's references (or IN, of those that pass `where`). */
export const withChildren = (
  { child, parent, column }: Link,
  negated: boolean,
  where?: Query['where'],
): Condition => ({
  kind: 'in',
  ...(negated && { negated }),
  column: ref(parent.key),
  query: select([item(column)], child, where && { where }),
});

/** Above or below the average over the whole table, with the words for it. */
export function beyondAverage(
  s: Scene,
  column: NurseryColumn,
): { condition: Condition; side: string } {
  const above = s.stream.chance(0.5);
  return {
    condition: {
      kind: 'compare',
      left: item(column),
      operator: above ? '>' : '<',
      right: select([aggregated('AVG', column)], column.table),
    },
    side: above ? s.say('above', 'higher than') : s.say('below', 'lower than'),
  };
}
