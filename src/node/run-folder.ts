/**
 * A run as a folder: `recipe.json`, `metrics.jsonl`, `episodes.jsonl`, `checkpoints/<step>/…` with the
 * pointer `checkpoints/latest`, and `report.html`. A checkpoint is written beside, flushed and renamed;
 * only then the pointer flips, so that a crash at any moment leaves a run to go on from.
 */
import {
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  unlink,
  type FileHandle,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { badInput, StepSqlError } from '../core/errors.ts';
import { parseRecipeText } from '../core/recipe/parse.ts';
import { REPORT_EPISODES, reportHtml } from '../core/recipe/report.ts';
import { parseStep } from '../core/recipe/run-file.ts';
import type { Recipe } from '../core/recipe/schema.ts';
import {
  checkCheckpoint,
  checkSameRecipe,
  decodeLines,
  decodeMetrics,
  encodeLine,
  type Checkpoint,
  type CheckpointFiles,
  type EpisodeLine,
  type MetricsLine,
  type RunStore,
} from '../core/train/run-store.ts';

const METRICS = 'metrics.jsonl';
const EPISODES = 'episodes.jsonl';
const LOCK = 'lock';

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Makes a folder's entries durable; systems that cannot (Windows) do so by themselves. */
async function syncFolder(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r');
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EPERM', 'EISDIR', 'EINVAL', 'EACCES'].includes(code)) throw error;
  }
}

async function writeDurably(path: string, data: Uint8Array | string): Promise<void> {
  const handle = await open(path, 'w');
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file so that readers and crashes see the old or the new one, never a part. */
async function replaceFile(folder: string, name: string, data: Uint8Array | string): Promise<void> {
  const temporary = join(folder, `.${name}.tmp`);
  await writeDurably(temporary, data);
  await rename(temporary, join(folder, name));
  await syncFolder(folder);
}

/** Where the line begins that ends at `end`, its newline included. */
const lineBefore = (data: Buffer, end: number): number =>
  end < 2 ? 0 : data.lastIndexOf(10, end - 2) + 1;

/** Length of a .jsonl file up to the last whole line with step ≤ `lastStep`. Steps never decrease. */
function lengthUpTo(data: Buffer, lastStep: number): number {
  let end = data.lastIndexOf(10) + 1;
  while (end > 0) {
    const start = lineBefore(data, end);
    try {
      const { step } = JSON.parse(data.toString('utf8', start, end)) as { step?: unknown };
      if (typeof step === 'number' && step <= lastStep) return end;
    } catch {
      // Half-written before a crash: goes, like everything beyond the checkpoint.
    }
    end = start;
  }
  return 0;
}

/** Folders that this process writes to: a lock with our own number may be a dead process's. */
const held = new Set<string>();

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

export class RunFolder implements RunStore {
  readonly path: string;
  readonly #handles = new Map<string, FileHandle>();
  #locked = false;
  #last: Promise<unknown> = Promise.resolve();

  /** Reads without asking; the first write makes the folder and locks it against other processes. */
  constructor(path: string) {
    this.path = resolve(path);
  }

  get #checkpoints(): string {
    return join(this.path, 'checkpoints');
  }

  /** Writes happen one after the other, in the order asked for, waited for or not. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #lock(): Promise<void> {
    if (this.#locked) return;
    await mkdir(this.#checkpoints, { recursive: true });
    const path = join(this.path, LOCK);
    for (let attempt = 0; ; attempt++) {
      try {
        const handle = await open(path, 'wx');
        await handle.writeFile(`${process.pid}\n`).finally(() => handle.close());
        held.add(this.path);
        this.#locked = true;
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const written = await readIfThere(path);
      if (!written) continue; // released just now
      const pid = Number(written.toString()); // 0 while its owner is still writing it
      const running = pid === process.pid ? held.has(this.path) : pid === 0 || isAlive(pid);
      if (running || attempt === 3) {
        throw new StepSqlError(
          'run_locked',
          `run: ${this.path} is being written by process ${pid}; if that is not so, remove ${path}`,
          'run',
        );
      }
      await unlink(path).catch(() => undefined);
    }
  }

  #append(name: string, text: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#lock();
      let handle = this.#handles.get(name);
      if (!handle) {
        handle = await open(join(this.path, name), 'a');
        this.#handles.set(name, handle);
      }
      await handle.appendFile(text);
    });
  }

  writeRecipe(recipe: Recipe): Promise<void> {
    return this.#inTurn(async () => {
      const current = await this.readRecipe();
      checkSameRecipe(current, recipe);
      if (current) return;
      await this.#lock();
      await replaceFile(this.path, 'recipe.json', `${JSON.stringify(recipe, null, 2)}\n`);
    });
  }

  async readRecipe(): Promise<Recipe | undefined> {
    const bytes = await readIfThere(join(this.path, 'recipe.json'));
    return bytes && parseRecipeText(bytes.toString());
  }

  appendMetrics(line: MetricsLine): Promise<void> {
    return this.#append(METRICS, encodeLine(line));
  }

  appendEpisodes(lines: readonly EpisodeLine[]): Promise<void> {
    return this.#append(EPISODES, lines.map(encodeLine).join(''));
  }

  async readMetrics(): Promise<MetricsLine[]> {
    return decodeMetrics((await readIfThere(join(this.path, METRICS)))?.toString() ?? '');
  }

  async readEpisodes(last = Infinity): Promise<EpisodeLine[]> {
    const data = (await readIfThere(join(this.path, EPISODES))) ?? Buffer.alloc(0);
    let start = data.lastIndexOf(10) + 1;
    for (let i = 0; i < last && start > 0; i++) start = lineBefore(data, start);
    return decodeLines(data.toString('utf8', start), EPISODES);
  }

  async #latestStep(): Promise<number | undefined> {
    const pointer = join(this.#checkpoints, 'latest');
    const bytes = await readIfThere(pointer);
    return bytes && parseStep(bytes.toString(), pointer);
  }

  saveCheckpoint(step: number, files: CheckpointFiles): Promise<void> {
    return this.#inTurn(async () => {
      checkCheckpoint(step, files);
      await this.#lock();
      if (step === (await this.#latestStep())) return;
      // Lines first: a checkpoint in force never lacks the lines before it.
      for (const handle of this.#handles.values()) await handle.sync();
      const final = join(this.#checkpoints, String(step));
      const temporary = join(this.#checkpoints, `.${step}.tmp`);
      await rm(temporary, { recursive: true, force: true });
      await mkdir(temporary);
      for (const [name, bytes] of Object.entries(files)) {
        await writeDurably(join(temporary, name), bytes);
      }
      await syncFolder(temporary);
      await rm(final, { recursive: true, force: true });
      await rename(temporary, final);
      await syncFolder(this.#checkpoints);
      await replaceFile(this.#checkpoints, 'latest', `${step}\n`);
    });
  }

  async latestCheckpoint(): Promise<Checkpoint | undefined> {
    const step = await this.#latestStep();
    if (step === undefined) return undefined;
    const folder = join(this.#checkpoints, String(step));
    const files: CheckpointFiles = {};
    try {
      for (const name of (await readdir(folder)).sort()) {
        files[name] = new Uint8Array(await readFile(join(folder, name)));
      }
    } catch (error) {
      if (isMissing(error)) throw badInput('checkpoints/latest', step, `the folder ${folder}`);
      throw error;
    }
    return { step, files };
  }

  resume(): Promise<Checkpoint | undefined> {
    return this.#inTurn(async () => {
      await this.#lock();
      const checkpoint = await this.latestCheckpoint();
      await this.#closeHandles();
      for (const name of [METRICS, EPISODES]) {
        const path = join(this.path, name);
        const data = await readIfThere(path);
        const length = data && lengthUpTo(data, checkpoint?.step ?? -1);
        if (length === data?.length) continue;
        const handle = await open(path, 'r+');
        await handle.truncate(length).finally(() => handle.close());
      }
      return checkpoint;
    });
  }

  /** Writes report.html from what the folder holds. */
  async writeReport(): Promise<void> {
    const recipe = await this.readRecipe();
    if (!recipe) throw badInput('run', this.path, 'a folder with a recipe.json');
    const html = reportHtml(
      recipe,
      await this.readMetrics(),
      await this.readEpisodes(REPORT_EPISODES),
    );
    await replaceFile(this.path, 'report.html', html);
  }

  async #closeHandles(): Promise<void> {
    for (const handle of this.#handles.values()) await handle.close();
    this.#handles.clear();
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#closeHandles();
      if (!this.#locked) return;
      this.#locked = false;
      held.delete(this.path);
      await unlink(join(this.path, LOCK)).catch(() => undefined);
    });
  }
}
