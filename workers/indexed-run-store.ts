/** One run in IndexedDB, as the loop writes it. Every call is one transaction. */
import { StepSqlError } from '../src/core/errors.ts';
import { canonicalJson } from '../src/core/recipe/canonical.ts';
import { parseRecipeText } from '../src/core/recipe/parse.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import {
  checkCheckpoint,
  checkSameRecipe,
  decodeLines,
  decodeMetrics,
  type Checkpoint,
  type CheckpointFiles,
  type EpisodeLine,
  type MetricsLine,
  type RunStore,
} from '../src/core/train/run-store.ts';
import {
  addCheckpoint,
  addLines,
  copyFiles,
  dropLines,
  emptyRecord,
  encodeLines,
  goBackTo,
  readCheckpoint,
  readLines,
  type EncodedLine,
  type LineTable,
} from './run-records.ts';
import type { RunRecord, Tables, WriteTransaction } from './run-tables.ts';

export class IndexedRunStore implements RunStore {
  readonly #tables: Tables;
  readonly #id: string;
  readonly #now: () => number;
  /** There was a record once. When there is none later, the run was deleted. */
  #begun = false;

  constructor(tables: Tables, id: string, now: () => number) {
    this.#tables = tables;
    this.#id = id;
    this.#now = now;
  }

  #seen(record: RunRecord | undefined): RunRecord | undefined {
    if (record) this.#begun = true;
    else if (this.#begun) {
      throw new StepSqlError(
        'run_deleted',
        `run: ${this.#id} was deleted while it was open`,
        'run',
      );
    }
    return record;
  }

  #record(): Promise<RunRecord | undefined> {
    return this.#tables.read(['runs'], async (tx) =>
      this.#seen(await tx.objectStore('runs').get(this.#id)),
    );
  }

  async #write(
    work: (tx: WriteTransaction, record: RunRecord) => Promise<void>,
    durability: 'relaxed' | 'strict' = 'relaxed',
  ): Promise<void> {
    await this.#tables.write(async (tx) => {
      const runs = tx.objectStore('runs');
      const record = this.#seen(await runs.get(this.#id)) ?? emptyRecord(this.#id, this.#now());
      await work(tx, record);
      record.changed = this.#now();
      await runs.put(record);
    }, durability);
    this.#begun = true;
  }

  async writeRecipe(recipe: Recipe): Promise<void> {
    const text = canonicalJson(recipe);
    await this.#write(async (_, record) => {
      if (record.recipe !== null) checkSameRecipe(parseRecipeText(record.recipe), recipe);
      record.recipe ??= text;
    });
  }

  async readRecipe(): Promise<Recipe | undefined> {
    const text = (await this.#record())?.recipe ?? null;
    return text === null ? undefined : parseRecipeText(text);
  }

  async #append(table: LineTable, lines: readonly EncodedLine[]): Promise<void> {
    if (lines.length === 0) return;
    await this.#write((tx, record) => addLines(tx, record, table, lines));
  }

  async appendMetrics(line: MetricsLine): Promise<void> {
    await this.#append('metrics', encodeLines('metrics', [line]));
  }

  async appendEpisodes(lines: readonly EpisodeLine[]): Promise<void> {
    await this.#append('episodes', encodeLines('episodes', lines));
  }

  async readMetrics(): Promise<MetricsLine[]> {
    const read = this.#tables.read(['metrics'], (tx) => readLines(tx, 'metrics', this.#id));
    return decodeMetrics(await read);
  }

  async readEpisodes(last?: number): Promise<EpisodeLine[]> {
    const read = this.#tables.read(['episodes'], (tx) => readLines(tx, 'episodes', this.#id, last));
    return decodeLines(await read, 'episodes.jsonl');
  }

  async saveCheckpoint(step: number, files: CheckpointFiles): Promise<void> {
    checkCheckpoint(step, files);
    const copies = copyFiles(files);
    await this.#write(async (tx, record) => {
      if (record.checkpoints.at(-1)?.step === step) return;
      await addCheckpoint(tx, record, { step, files: copies });
    }, 'strict');
  }

  /** The checkpoint in force, or the one before it when the browser has lost that. */
  async latestCheckpoint(): Promise<Checkpoint | undefined> {
    try {
      return await this.#checkpoint(0);
    } catch (error) {
      const earlier = await this.#checkpoint(1).catch(() => undefined);
      if (!earlier) throw error;
      return earlier;
    }
  }

  #checkpoint(earlier: number): Promise<Checkpoint | undefined> {
    return this.#tables.read(['runs', 'checkpoints'], async (tx) => {
      const record = this.#seen(await tx.objectStore('runs').get(this.#id));
      return record && readCheckpoint(tx, record, earlier);
    });
  }

  async resume(): Promise<Checkpoint | undefined> {
    const checkpoint = await this.latestCheckpoint();
    if (!(await this.#record())) return undefined;
    await this.#write(async (tx, record) => {
      await goBackTo(tx, record, checkpoint);
      await dropLines(tx, record, checkpoint?.step ?? -1);
    }, 'strict');
    return checkpoint;
  }

  /** The connection stays open: it is the database's. */
  async close(): Promise<void> {
    // Writes happen in turn, so this one ends after all before it. A closed connection has none left.
    await this.#tables.write(async () => undefined).catch(() => undefined);
  }
}
