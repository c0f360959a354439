/** Which table and which column a name means, as far as a query alone can tell, in names nobody chose. */

/** A column that a SELECT gives: its name, where it has one, and what it is. */
export interface Output {
  name: string | undefined;
  text: string;
}

interface Source {
  /** `T1`, `T2` … in order of appearance; `C1` … for a common table expression. */
  canonical: string;
  /** What its columns are; only known of subqueries and common table expressions. */
  columns: ReadonlyMap<string, string>;
}

/** What stands for a column is cut here: texts would double with every level of nesting. */
const MAX_TEXT = 120;

export const columnsOf = (
  outputs: readonly Output[],
  names: readonly string[] = [],
): ReadonlyMap<string, string> =>
  new Map(
    outputs.flatMap(({ name, text }, i) => {
      const known = names[i] ?? name;
      return known === undefined ? [] : [[known, text.slice(0, MAX_TEXT)] as const];
    }),
  );

/** One SELECT with its tables, or one query with its common table expressions; `parent` encloses it. */
export class Scope {
  readonly #parent: Scope | undefined;
  readonly #tables = new Map<string, Source>();
  readonly #ctes = new Map<string, Source>();
  #tableCount = 0;
  #cteCount: number;
  /** Output aliases, which ORDER BY, GROUP BY and HAVING may use. */
  outputs: ReadonlyMap<string, string> = new Map();

  constructor(parent?: Scope) {
    this.#parent = parent;
    this.#cteCount = parent ? parent.#cteCount : 0;
  }

  /** A table in FROM under the name by which columns are qualified; '' where it has none. */
  addTable(name: string, columns: Source['columns'] = new Map()): string {
    const canonical = `T${++this.#tableCount}`;
    if (name !== '' && !this.#tables.has(name)) this.#tables.set(name, { canonical, columns });
    return canonical;
  }

  addCte(name: string): string {
    const canonical = `C${++this.#cteCount}`;
    this.#ctes.set(name, { canonical, columns: new Map() });
    return canonical;
  }

  describeCte(name: string, columns: Source['columns']): void {
    const { canonical } = this.#ctes.get(name)!;
    this.#ctes.set(name, { canonical, columns });
  }

  cte(name: string): Source | undefined {
    return this.#ctes.get(name) ?? this.#parent?.cte(name);
  }

  /** What a column is, without its table. */
  column(name: string, qualifier?: string): string {
    for (const [known, { columns }] of this.#tables) {
      const text = qualifier === undefined || known === qualifier ? columns.get(name) : undefined;
      if (text !== undefined) return text;
    }
    if (qualifier !== undefined && this.#tables.has(qualifier)) return name;
    return this.#parent?.column(name, qualifier) ?? name;
  }

  /** `T1` for a table of this SELECT, `^T1` for one of the SELECT around it. */
  qualifier(name: string): string {
    const own = this.#tables.get(name)?.canonical;
    if (own !== undefined) return own;
    return this.#parent ? `^${this.#parent.qualifier(name)}` : name;
  }
}
