/** Which tables, links and columns of a schema suit a template. */
import type { Rows, Value } from './rows.ts';
import type { Link, NurseryColumn, NurseryTable, Variant } from './schemas.ts';

/**
 * What a template needs of a column. show: anything to list; unique: values all different;
 * ordered: number, year or date; filter: what a condition can compare with a constant.
 */
export type Role =
  | 'show'
  | 'name'
  | 'number'
  | 'ordered'
  | 'category'
  | 'filter'
  | 'unique'
  | 'nullable'
  | 'temporal';

function hasRole(column: NurseryColumn, role: Role): boolean {
  const { kind, nullable } = column;
  if (kind === 'key' || kind === 'reference') return false;
  if (role === 'nullable') return nullable;
  if (nullable) return false;
  const temporal = kind === 'year' || kind === 'date';
  switch (role) {
    case 'show':
      return true;
    case 'name':
    case 'number':
    case 'category':
      return kind === role;
    case 'temporal':
      return temporal;
    case 'ordered':
      return kind === 'number' || temporal;
    case 'filter':
      return kind === 'number' || temporal || kind === 'category';
    case 'unique':
      return kind === 'name' || kind === 'number' || temporal;
  }
}

/** Where each role finds columns in a schema, worked out once per schema. */
export class Plan {
  readonly #variant: Variant;
  readonly #columns = new Map<NurseryTable, Map<Role, NurseryColumn[]>>();
  readonly #tables = new Map<string, NurseryTable[]>();
  readonly #links = new Map<string, Link[]>();
  readonly #bridges = new Map<string, [Link, Link][]>();
  readonly #sorted = new Map<NurseryColumn, Value[]>();

  constructor(variant: Variant) {
    this.#variant = variant;
  }

  columns(table: NurseryTable, role: Role): NurseryColumn[] {
    let roles = this.#columns.get(table);
    if (!roles) this.#columns.set(table, (roles = new Map()));
    let found = roles.get(role);
    if (!found) roles.set(role, (found = table.columns.filter((c) => hasRole(c, role))));
    return found;
  }

  #fits(table: NurseryTable, roles: readonly Role[], used: NurseryColumn[] = []): boolean {
    const [role, ...rest] = roles;
    if (role === undefined) return true;
    return this.columns(table, role).some(
      (column) => !used.includes(column) && this.#fits(table, rest, [...used, column]),
    );
  }

  tables(roles: readonly Role[]): NurseryTable[] {
    const key = roles.join();
    let found = this.#tables.get(key);
    if (!found) {
      found = this.#variant.tables.filter((table) => this.#fits(table, roles));
      this.#tables.set(key, found);
    }
    return found;
  }

  links(child: readonly Role[], parent: readonly Role[]): Link[] {
    const key = `${child.join()}>${parent.join()}`;
    let found = this.#links.get(key);
    if (!found) {
      found = this.#variant.links.filter(
        (link) => this.#fits(link.child, child) && this.#fits(link.parent, parent),
      );
      this.#links.set(key, found);
    }
    return found;
  }

  /** Pairs of links of one child with two parents. */
  bridges(child: readonly Role[], first: readonly Role[], second: readonly Role[]): [Link, Link][] {
    const key = `${child.join()}>${first.join()}>${second.join()}`;
    let found = this.#bridges.get(key);
    if (!found) {
      const { links } = this.#variant;
      found = links.flatMap((a) =>
        links
          .filter(
            (b) =>
              a !== b &&
              a.child === b.child &&
              this.#fits(a.child, child) &&
              this.#fits(a.parent, first) &&
              this.#fits(b.parent, second),
          )
          .map((b): [Link, Link] => [a, b]),
      );
      this.#bridges.set(key, found);
    }
    return found;
  }

  /** Different non-null values of a column in the base rows, ascending. */
  sorted(column: NurseryColumn, rows: Rows): Value[] {
    let values = this.#sorted.get(column);
    if (!values) {
      const distinct = new Set(rows.map((row) => row[column.index]!).filter((v) => v !== null));
      values = [...distinct].sort((a, b) => (a! < b! ? -1 : 1));
      this.#sorted.set(column, values);
    }
    return values;
  }
}

const plans = new WeakMap<Variant, Plan>();

export function planOf(variant: Variant): Plan {
  let plan = plans.get(variant);
  if (!plan) plans.set(variant, (plan = new Plan(variant)));
  return plan;
}
