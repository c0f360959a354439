import initSqlJs, { type SqlJsStatic } from 'sql.js';
import { badInput } from '../errors.ts';

/**
 * What sql.js's own interface does not offer and the sandbox needs. sql.js reads `bytes` of every text
 * and blob before it copies it out of SQLite, and returns integers of its own functions as REAL.
 */
export interface Hooks {
  /** Bytes of text and blob that may still be copied out; going below zero throws `OverBudget`. */
  bytesLeft: number;
  /** The 64-bit integer a custom function is about to return, instead of the number it returns. */
  integerResult: bigint | null;
}

export class OverBudget extends Error {}

/** Emscripten's exports that sql.js leaves reachable. */
export interface Exports {
  stackSave(): number;
  stackRestore(pointer: number): void;
  _sqlite3_column_bytes(statement: number, column: number): number;
  _sqlite3_result_double(context: number, value: number): void;
  _sqlite3_result_int64(context: number, value: bigint): void;
}

const hooked = new WeakMap<SqlJsStatic, Hooks>();
let loading: Promise<SqlJsStatic> | undefined;

/**
 * Loads sql.js. There is one instance per thread, whatever the number of calls: sql.js keeps the
 * first. `locate` gives the address of `sql-wasm.wasm` (`sql-wasm-browser.wasm` in a bundle made for
 * browsers); Node needs none.
 */
export function loadSql(locate?: (file: string) => string): Promise<SqlJsStatic> {
  loading ??= load(locate);
  return loading;
}

async function load(locate?: (file: string) => string): Promise<SqlJsStatic> {
  const hooks: Hooks = { bytesLeft: Infinity, integerResult: null };
  const install = (module: Exports): void => {
    const bytes = module._sqlite3_column_bytes;
    module._sqlite3_column_bytes = (statement, column) => {
      const length = bytes(statement, column);
      hooks.bytesLeft -= length;
      if (hooks.bytesLeft < 0) throw new OverBudget();
      return length;
    };
    const double = module._sqlite3_result_double;
    module._sqlite3_result_double = (context, value) => {
      if (hooks.integerResult === null) return double(context, value);
      module._sqlite3_result_int64(context, hooks.integerResult);
      hooks.integerResult = null;
    };
  };
  const SQL = await initSqlJs({
    ...(locate ? { locateFile: locate } : {}),
    preRun: [install as unknown as () => void], // emscripten passes the module
  });
  hooked.set(SQL, hooks);
  return SQL;
}

export function hooksOf(SQL: SqlJsStatic): Hooks {
  const hooks = hooked.get(SQL);
  if (!hooks) throw badInput('SQL', 'another sql.js', 'the instance that loadSql returned');
  return hooks;
}
