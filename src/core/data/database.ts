/** Finding and reading the SQLite files of an imported dataset. */
import { badInput } from '../errors.ts';
import { baseName, folderOf } from './source.ts';
import type { FileSource } from './source.ts';
import type { Database, Schema } from './task.ts';

export interface ImportOptions {
  /**
   * Question files to read, as listed by the source. Default: the names the format is published
   * under, or, if there are none, every file that looks like it.
   */
  files?: readonly string[];
  /**
   * Reads the schema from a database itself, for datasets that come without `tables.json`: opens the
   * bytes with an engine and calls `schemaFromSqlite`.
   */
  inspect?: (bytes: Uint8Array) => Promise<Schema>;
}

const SQLITE_FILE = /\.(?:sqlite3?|db)$/i;
const MAGIC = 'SQLite format 3\0';

const stemOf = (path: string): string => baseName(path).replace(/\.[^.]*$/, '');

async function readDatabase(source: FileSource, path: string): Promise<Uint8Array> {
  const bytes = await source.read(path);
  const head = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (head !== MAGIC) throw badInput(path, head, 'a SQLite 3 database file');
  return bytes;
}

/**
 * The databases of one import. Each is made once, when a question first names it; its bytes are read
 * only when asked for (and once for its schema where `tables.json` does not give it).
 */
export class DatabaseFinder {
  readonly databases = new Map<string, Database>();
  readonly #source: FileSource;
  readonly #paths: readonly string[];
  readonly #schemas: ReadonlyMap<string, Schema>;
  readonly #inspect: ImportOptions['inspect'];
  readonly #byStem = new Map<string, string[]>();

  constructor(
    source: FileSource,
    paths: readonly string[],
    schemas: ReadonlyMap<string, Schema>,
    inspect: ImportOptions['inspect'],
  ) {
    this.#source = source;
    this.#paths = paths.filter((path) => SQLITE_FILE.test(path));
    this.#schemas = schemas;
    this.#inspect = inspect;
    for (const path of this.#paths) {
      const stem = stemOf(path);
      this.#byStem.set(stem, [...(this.#byStem.get(stem) ?? []), path]);
    }
  }

  /**
   * Registers the database `db_id`: `…/<db_id>/<db_id>.sqlite` as in Spider and BIRD, where further
   * databases in that folder are its test-suite variants, or else `…/<db_id>.sqlite`.
   * @param at the field that named it, for messages
   * @throws StepSqlError when there is no such file or no schema for it
   */
  async add(db_id: string, at: string): Promise<void> {
    if (this.databases.has(db_id)) return;
    const candidates = this.#byStem.get(db_id) ?? [];
    const own = candidates.find((path) => path.split('/').at(-2) === db_id);
    const main = own ?? candidates[0];
    if (main === undefined) {
      throw badInput(at, db_id, `a database of ${this.#source.name}: ${db_id}/${db_id}.sqlite`);
    }
    const siblings =
      own === undefined ? [] : this.#paths.filter((p) => folderOf(p) === folderOf(own));
    await this.#register(db_id, main, siblings, at);
  }

  /** Registers the database in one given file, under its path. */
  async addFile(path: string, at: string): Promise<void> {
    if (this.databases.has(path)) return;
    if (!this.#paths.includes(path)) {
      throw badInput(at, path, `a .sqlite or .db file of ${this.#source.name}`);
    }
    await this.#register(path, path, [], at);
  }

  async #register(db_id: string, main: string, siblings: string[], at: string): Promise<void> {
    const read = (path: string) => () => readDatabase(this.#source, path);
    const schema = this.#schemas.get(db_id) ?? (await this.#inspect?.(await read(main)()));
    if (schema === undefined) throw badInput(at, db_id, 'a db_id listed in tables.json');
    this.databases.set(db_id, {
      db_id,
      schema,
      bytes: read(main),
      variants: siblings.filter((path) => path !== main).map(read),
    });
  }
}

/** mini_dev, dev, test or train when the file's name says so, else train. */
export function splitOf(path: string): string {
  const words = /(?:^|[^a-z])(mini_dev|dev|test|train)(?:[^a-z]|$)/.exec(
    stemOf(path).toLowerCase(),
  );
  return words?.[1] ?? 'train';
}

/** `<file>-<key>`: unique as long as keys are unique within their file. */
export const taskId = (path: string, key: string | number): string => `${stemOf(path)}-${key}`;
