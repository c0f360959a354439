/**
 * All runs of this browser, in IndexedDB: what the page lists, what the workers write and read. Any
 * number of tabs and workers may have it open; that two do not write one run is the run lock's business
 * (run-lock.ts).
 */
import { badInput } from '../src/core/errors.ts';
import { canonicalJson, recipeHash } from '../src/core/recipe/canonical.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import {
  decodeLines,
  decodeMetrics,
  MemoryRunStore,
  type EpisodeLine,
  type MetricsLine,
  type RunStore,
} from '../src/core/train/run-store.ts';
import { IndexedRunStore } from './indexed-run-store.ts';
import type { RunSummary } from './protocol.ts';
import {
  addCheckpoint,
  addLines,
  beyond,
  emptyRecord,
  encodeLines,
  readCheckpoint,
  readLines,
  summaryOf,
} from './run-records.ts';
import { Tables, type ReadTransaction, type WriteTransaction } from './run-tables.ts';

const ID_DIGITS = 12;

async function freeId(tx: ReadTransaction | WriteTransaction, recipe: Recipe): Promise<string> {
  const first = recipeHash(recipe).slice(0, ID_DIGITS);
  const taken = await tx.objectStore('runs').getAllKeys(IDBKeyRange.bound(first, `${first}.`));
  let id = first;
  for (let n = 2; taken.includes(id); n++) id = `${first}-${n}`;
  return id;
}

/** Every method throws `StepSqlError` `storage` when the browser fails, `storage_full` when it is full. */
export class RunDatabase {
  readonly #tables: Tables;
  readonly #now: () => number;

  private constructor(tables: Tables, now: () => number) {
    this.#tables = tables;
    this.#now = now;
  }

  /** Throws `storage`, saying why, where the browser keeps nothing or another tab is in the way. */
  static async open(options: { name?: string; now?: () => number } = {}): Promise<RunDatabase> {
    const { name = 'stepsql', now = Date.now } = options;
    return new RunDatabase(await Tables.open(name), now);
  }

  /** Latest change first. Runs that a later version has written are left out. */
  async runs(): Promise<RunSummary[]> {
    const records = await this.#tables.read(['runs'], (tx) => tx.objectStore('runs').getAll());
    return records
      .flatMap((record) => summaryOf(record) ?? [])
      .sort((a, b) => b.changed - a.changed);
  }

  async run(id: string): Promise<RunSummary | undefined> {
    const record = await this.#tables.read(['runs'], (tx) => tx.objectStore('runs').get(id));
    return record && summaryOf(record);
  }

  /** For a new run: first digits of the recipe's hash, with `-2`, `-3`… when taken. Reserves nothing. */
  newId(recipe: Recipe): Promise<string> {
    return this.#tables.read(['runs'], (tx) => freeId(tx, recipe));
  }

  /**
   * Writes to the run fail with `run_deleted` once it has been deleted. The recipe is what puts it on
   * the list.
   */
  store(id: string): RunStore {
    return new IndexedRunStore(this.#tables, id, this.#now);
  }

  /** What was logged up to update `step`: all metrics, and the `last` episodes. */
  async lines(
    id: string,
    step: number,
    last: number,
  ): Promise<{ metrics: MetricsLine[]; episodes: EpisodeLine[] }> {
    const [metrics, episodes] = await this.#tables.read(['metrics', 'episodes'], async (tx) => [
      await readLines(tx, 'metrics', id, Infinity, step),
      await readLines(tx, 'episodes', id, last, step),
    ]);
    return {
      metrics: decodeMetrics(metrics!),
      episodes: decodeLines<EpisodeLine>(episodes!, 'episodes.jsonl'),
    };
  }

  /** The run as it is at one moment, even while it is being written. Throws when there is none. */
  async snapshot(id: string): Promise<MemoryRunStore> {
    const { recipe, metrics, episodes, checkpoint } = await this.#tables.read(
      ['runs', 'metrics', 'episodes', 'checkpoints'],
      async (tx) => {
        const record = await tx.objectStore('runs').get(id);
        const summary = record && summaryOf(record);
        if (!summary) throw badInput('run', id, 'a run that is here');
        const metrics = await readLines(tx, 'metrics', id);
        const episodes = await readLines(tx, 'episodes', id);
        const checkpoint = await readCheckpoint(tx, record);
        return { recipe: summary.recipe, metrics, episodes, checkpoint };
      },
    );
    const run = new MemoryRunStore();
    await run.writeRecipe(recipe);
    for (const line of decodeMetrics(metrics)) await run.appendMetrics(line);
    await run.appendEpisodes(decodeLines<EpisodeLine>(episodes, 'episodes.jsonl'));
    if (checkpoint) await run.saveCheckpoint(checkpoint.step, checkpoint.files);
    return run;
  }

  /** Keeps a copy of a whole run as a new one and returns its id. All of it or nothing. */
  async add(run: RunStore): Promise<string> {
    const recipe = await run.readRecipe();
    if (!recipe) throw badInput('run', 'no recipe', 'a run that has begun');
    const metrics = encodeLines('metrics', await run.readMetrics());
    const episodes = encodeLines('episodes', await run.readEpisodes());
    const checkpoint = await run.latestCheckpoint();
    return this.#tables.write(async (tx) => {
      const record = emptyRecord(await freeId(tx, recipe), this.#now());
      record.recipe = canonicalJson(recipe);
      await addLines(tx, record, 'metrics', metrics);
      await addLines(tx, record, 'episodes', episodes);
      if (checkpoint) await addCheckpoint(tx, record, checkpoint);
      await tx.objectStore('runs').put(record);
      return record.id;
    }, 'strict');
  }

  /** Everything of the run, and the files of its data unless another run needs them. */
  delete(id: string): Promise<void> {
    return this.#tables.write(async (tx) => {
      const runs = tx.objectStore('runs');
      const record = await runs.get(id);
      await runs.delete(id);
      for (const table of ['metrics', 'episodes', 'checkpoints'] as const) {
        await tx.objectStore(table).delete(beyond(id));
      }
      const sha256 = record && summaryOf(record)?.recipe.data.sha256;
      if (!sha256) return;
      const others = await runs.getAll();
      if (!others.some(({ recipe }) => recipe?.includes(sha256))) {
        await tx.objectStore('files').delete(sha256);
      }
    });
  }

  /** Keeps a file of people's own data under its hash. */
  async putFile(sha256: string, bytes: Uint8Array): Promise<void> {
    const file = { size: bytes.byteLength, bytes: new Uint8Array(bytes) };
    await this.#tables.write((tx) => tx.objectStore('files').put(file, sha256), 'strict');
  }

  file(sha256: string): Promise<Uint8Array | undefined> {
    return this.#tables.read(
      ['files'],
      async (tx) => (await tx.objectStore('files').get(sha256))?.bytes,
    );
  }

  /** What runs and files take, roughly. */
  bytes(): Promise<number> {
    return this.#tables.read(['runs', 'files'], async (tx) => {
      let bytes = 0;
      for (const { line_bytes, checkpoints } of await tx.objectStore('runs').getAll()) {
        bytes += checkpoints.reduce((sum, checkpoint) => sum + checkpoint.bytes, line_bytes);
      }
      // Sizes only: cursors over keys leave the files where they are.
      let cursor = await tx.objectStore('files').index('size').openKeyCursor();
      for (; cursor; cursor = await cursor.continue()) bytes += cursor.key;
      return bytes;
    });
  }

  close(): void {
    this.#tables.close();
  }
}
