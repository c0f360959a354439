/**
 * SQL → syntax tree, by sqlparser-rs (`@guanmingchiu/sqlparser-ts`, dialect SQLite). Loaded when first needed: it
 * is 1 MB of wasm after compression.
 *
 * Its generated module is loaded rather than the package's own entry, whose `init` finds no files in a worker
 * and which cannot be begun anew: a tree so deep that its stack overflows leaves the instance unusable for good.
 */
import { StepSqlError } from '../errors.ts';
import { significantTokens } from './guard.ts';

/** The package's `wasm/sqlparser_rs_wasm.js`, its wasm file loaded. */
export interface ParserModule {
  /** One tree per statement; throws what is no error of JavaScript for SQL that it cannot read. */
  parse_sql(dialect: string, sql: string): unknown;
}

/**
 * Where the module comes from, a port: each call gives an instance of its own.
 * @param instance 0, 1, 2 …
 */
export type ParserSource = (instance: number) => Promise<ParserModule>;

/** A node of the tree as serde writes it: enum variants are `{ Variant: fields }` or `"Variant"`. */
export type SyntaxNode = Record<string, unknown>;

/**
 * Longer queries are not read. Every level of a tree takes at least one token; the parser refuses 50 levels
 * of nesting, but chains such as `a + a + …` overflow its stack somewhere between 600 and 800 levels.
 */
const MAX_TOKENS = 500;
const MAX_LENGTH = 20_000;

export class SqlParser {
  readonly #module: ParserModule;
  #broken = false;

  constructor(module: ParserModule) {
    this.#module = module;
  }

  /** True after a failure nobody foresaw: nothing can be read any more, `loadSqlParser` begins anew. */
  get broken(): boolean {
    return this.#broken;
  }

  /** The tree of a text that is one statement and can be read; undefined for any other. Never throws. */
  parse(sql: string): SyntaxNode | undefined {
    if (this.#broken || sql.length > MAX_LENGTH || significantTokens(sql) > MAX_TOKENS) return;
    try {
      const statements = this.#module.parse_sql('sqlite', sql);
      if (!Array.isArray(statements) || statements.length !== 1) return;
      return statements[0] as SyntaxNode;
    } catch (error) {
      // What it throws for bad SQL is a plain object; a trap or an overflow is an error.
      this.#broken = error instanceof Error;
      return undefined;
    }
  }
}

let source: ParserSource | undefined;
let loading: Promise<SqlParser> | undefined;
let loaded: SqlParser | undefined;
let instances = 0;

/** Says once per thread where the parser comes from: Node and the tab load files in their own ways. */
export function useSqlParser(from: ParserSource): void {
  source = from;
}

/** Loads the parser, or a new instance where the last one broke. One per thread. */
export async function loadSqlParser(): Promise<SqlParser> {
  if (loaded && !loaded.broken) return loaded;
  if (!source) throw new StepSqlError('unavailable', 'SQL parser: useSqlParser was not called');
  loading ??= source(instances++).then(
    (module) => {
      loading = undefined;
      return (loaded = new SqlParser(module));
    },
    (error: unknown) => {
      loading = undefined;
      throw error;
    },
  );
  return loading;
}

/** The parser, for what cannot wait. @throws StepSqlError before `loadSqlParser` */
export function sqlParser(): SqlParser {
  if (loaded) return loaded;
  throw new StepSqlError('unavailable', 'SQL parser: loadSqlParser comes first');
}
