/** Runs in IndexedDB: the shape of the tables, how they open and are upgraded, what their errors mean. */
import {
  openDB,
  type DBSchema,
  type IDBPDatabase,
  type IDBPTransaction,
  type StoreNames,
} from 'idb';
import { StepSqlError } from '../src/core/errors.ts';
import type { Fingerprint } from '../src/core/recipe/fingerprint.ts';
import type { CheckpointFiles } from '../src/core/train/run-store.ts';

/** What the list of runs is made from: small, and kept true by every write to the run. */
export interface RunRecord {
  id: string;
  /** Canonical JSON; null until the recipe is written. */
  recipe: string | null;
  /** Milliseconds since 1970. */
  created: number;
  changed: number;
  /** In force is the last; the one before it is there in case the browser loses that. */
  checkpoints: { step: number; bytes: number }[];
  /** `eval/ex` of the last metrics line that has it. */
  ex: number | null;
  /** Of the checkpoint in force. */
  fingerprint: Fingerprint | null;
  /** Lines ever added: the next one's number. */
  next_line: number;
  /** Characters of all lines. */
  line_bytes: number;
}

type LineKey = [run: string, step: number, line: number];

export interface RunTables extends DBSchema {
  runs: { key: string; value: RunRecord };
  /** As `encodeLine` writes them, so that they read as from a file. */
  metrics: { key: LineKey; value: string };
  episodes: { key: LineKey; value: string };
  checkpoints: { key: [run: string, step: number]; value: CheckpointFiles };
  /** By SHA-256. */
  files: { key: string; value: { size: number; bytes: Uint8Array }; indexes: { size: number } };
}

export type TableName = StoreNames<RunTables>;
/** Of the tables it was begun with; others throw. */
export type ReadTransaction = IDBPTransaction<RunTables, TableName[], 'readonly'>;
/** Every write may touch every table: writes of all tabs happen one after the other. */
export type WriteTransaction = IDBPTransaction<RunTables, TableName[], 'readwrite'>;

const ALL: TableName[] = ['runs', 'metrics', 'episodes', 'checkpoints', 'files'];

type Upgrade = (database: IDBPDatabase<RunTables>) => void;

/** From no tables to version 1, from 1 to 2 and so on. What has been released does not change. */
export const UPGRADES: readonly Upgrade[] = [
  (database) => {
    database.createObjectStore('runs', { keyPath: 'id' });
    for (const name of ['metrics', 'episodes', 'checkpoints'] as const) {
      database.createObjectStore(name);
    }
    database.createObjectStore('files').createIndex('size', 'size');
  },
];

/** How long tabs with older tables may take to finish what they are writing. */
const PATIENCE_MS = 5000;

const text = {
  newer: 'another tab has a newer StepSQL, which has changed how runs are kept: reload this page',
  older: 'another tab with an older StepSQL is in the way: close it, then reload this page',
  lost: 'the browser has closed the storage of this page, perhaps to clear its data: reload this page',
  full: 'the browser has no room left for this run: delete runs you no longer need from the list, or free some disk space',
  closed: 'this page no longer has the storage open: reload this page',
};

function storageError(error: unknown): StepSqlError {
  if (error instanceof StepSqlError) return error;
  const { name = '', message = String(error) } = error as Partial<DOMException>;
  if (name === 'QuotaExceededError') return new StepSqlError('storage_full', text.full);
  if (name === 'InvalidStateError') return new StepSqlError('storage', text.closed);
  return new StepSqlError('storage', `the browser could not read or write its storage: ${message}`);
}

function openingError(error: unknown): StepSqlError {
  if (error instanceof StepSqlError) return error;
  const { name = '', message = String(error) } = error as Partial<DOMException>;
  if (name === 'VersionError') return new StepSqlError('storage', text.newer);
  return new StepSqlError(
    'storage',
    `the browser gives this page no storage, so runs cannot be kept; private windows and blocked site data do that (${message})`,
  );
}

/** A connection. Its transactions fail with `StepSqlError` `storage` or `storage_full` only. */
export class Tables {
  #database: IDBPDatabase<RunTables> | undefined;
  #ended: string | undefined;

  private constructor() {}

  static async open(name: string, upgrades: readonly Upgrade[] = UPGRADES): Promise<Tables> {
    const tables = new Tables();
    let patience: ReturnType<typeof setTimeout> | undefined;
    try {
      tables.#database = await new Promise<IDBPDatabase<RunTables>>((resolve, reject) => {
        const opening = openDB<RunTables>(name, upgrades.length, {
          upgrade: (database, from) => upgrades.slice(from).forEach((upgrade) => upgrade(database)),
          blocked() {
            patience = setTimeout(() => {
              reject(new StepSqlError('storage', text.older));
              void opening.then((database) => database.close());
            }, PATIENCE_MS);
          },
          blocking: () => tables.close(text.newer),
          terminated: () => tables.close(text.lost),
        });
        opening.then(resolve, reject);
      });
      return tables;
    } catch (error) {
      throw openingError(error);
    } finally {
      clearTimeout(patience);
    }
  }

  /** Begins at once, so that calls not waited for keep their order. */
  async read<T>(names: TableName[], work: (tx: ReadTransaction) => Promise<T>): Promise<T> {
    const database = this.#open();
    try {
      const tx = database.transaction(names, 'readonly');
      tx.done.catch(() => undefined); // its requests tell
      return await work(tx);
    } catch (error) {
      throw storageError(error);
    }
  }

  /**
   * All of `work` is kept, or nothing when it throws. Begins at once, so that calls not waited for keep
   * their order. Resolves when written; with `strict`, when a power cut could not undo it.
   */
  async write<T>(
    work: (tx: WriteTransaction) => Promise<T>,
    durability: 'relaxed' | 'strict' = 'relaxed',
  ): Promise<T> {
    const database = this.#open();
    let tx: WriteTransaction | undefined;
    try {
      tx = database.transaction(ALL, 'readwrite', { durability });
      tx.done.catch(() => undefined); // it is told below
      const result = await work(tx);
      await tx.done;
      return result;
    } catch (error) {
      // When the browser has aborted, it says why; its requests only say that it did.
      const cause = tx?.error ?? error;
      try {
        tx?.abort();
      } catch {
        // It had ended by itself.
      }
      throw storageError(cause);
    }
  }

  /** Writes under way are finished; what is asked for later fails with `why`. */
  close(why: string = text.closed): void {
    this.#ended ??= why;
    this.#database?.close();
  }

  #open(): IDBPDatabase<RunTables> {
    if (this.#ended !== undefined) throw new StepSqlError('storage', this.#ended);
    return this.#database!;
  }
}
