/**
 * Where a run is kept: the port the loop writes through. Node keeps a folder (`node/run-folder.ts`), a
 * tab a private folder of the browser, tests memory. Lines and checkpoints carry `step`, the number of
 * updates done, so that a resumed run equals one that was never stopped: log a step before its
 * checkpoint is saved.
 */
import { badInput } from '../errors.ts';
import { recipeHash } from '../recipe/canonical.ts';
import type { Recipe } from '../recipe/schema.ts';

/** One line of metrics.jsonl, with TRL's metric names. NaN and infinities are kept as null. */
export type MetricsLine = { step: number } & Record<string, number>;

/** One line of episodes.jsonl: typed arrays become arrays, bigints strings of digits. */
export type EpisodeLine = { step: number } & Record<string, unknown>;

/** By plain file name, such as `model.safetensors`. */
export type CheckpointFiles = Record<string, Uint8Array>;

export interface Checkpoint {
  step: number;
  files: CheckpointFiles;
}

export interface RunStore {
  /** Throws `bad_input` when the run already holds another recipe. */
  writeRecipe(recipe: Recipe): Promise<void>;
  readRecipe(): Promise<Recipe | undefined>;
  appendMetrics(line: MetricsLine): Promise<void>;
  appendEpisodes(lines: readonly EpisodeLine[]): Promise<void>;
  readMetrics(): Promise<MetricsLine[]>;
  /** All episodes, or the `last` so many, in order. */
  readEpisodes(last?: number): Promise<EpisodeLine[]>;
  /**
   * All files or none: a crash leaves the previous checkpoint in force. Saving the step that is in
   * force again does nothing.
   */
  saveCheckpoint(step: number, files: CheckpointFiles): Promise<void>;
  latestCheckpoint(): Promise<Checkpoint | undefined>;
  /**
   * The checkpoint to go on from, after dropping the metrics and episodes beyond it (all of them
   * when there is none).
   */
  resume(): Promise<Checkpoint | undefined>;
  /** Writes what is pending. The store cannot be used afterwards. */
  close(): Promise<void>;
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  return value;
}

/** One JSON line, newline included. */
export const encodeLine = (line: MetricsLine | EpisodeLine): string =>
  `${JSON.stringify(line, plain)}\n`;

/** What is nested deeper cannot be written again: JSON.stringify and structured cloning recurse. */
const MAX_NESTING = 32;

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));

/**
 * The lines of a .jsonl file up to and with `lastStep`. A last line without its newline was cut off by
 * a crash and is left out; any other line that is no JSON object with a step throws `bad_input`.
 */
export function decodeLines<Line extends MetricsLine | EpisodeLine>(
  text: string,
  name: string,
  lastStep = Infinity,
): Line[] {
  const lines: Line[] = [];
  const texts = text.split('\n').slice(0, -1);
  texts.forEach((written, i) => {
    let line: Line | undefined;
    try {
      line = JSON.parse(written) as Line;
    } catch {
      line = undefined;
    }
    if (!line || !Number.isSafeInteger(line.step) || line.step < 0) {
      throw badInput(`${name} line ${i + 1}`, written, 'a JSON object with a whole number `step`');
    }
    if (isDeeper(line, MAX_NESTING)) {
      throw badInput(`${name} line ${i + 1}`, written, `at most ${MAX_NESTING} levels of nesting`);
    }
    if (line.step <= lastStep) lines.push(line);
  });
  return lines;
}

/** As `decodeLines` for metrics: null is NaN again. */
export function decodeMetrics(text: string, lastStep = Infinity): MetricsLine[] {
  const lines = decodeLines<MetricsLine>(text, 'metrics.jsonl', lastStep);
  for (const line of lines) {
    for (const key of Object.keys(line)) {
      line[key] ??= NaN;
      if (typeof line[key] !== 'number')
        throw badInput(`metrics.jsonl: ${key}`, line[key], 'a number');
    }
  }
  return lines;
}

const FILE_NAME = /^[\w-][\w.-]{0,127}$/;

/** Refuses steps and file names that could not be kept in every kind of store. */
export function checkCheckpoint(step: number, files: CheckpointFiles): void {
  if (!Number.isSafeInteger(step) || step < 0) {
    throw badInput('checkpoint.step', step, 'a whole number of updates');
  }
  for (const name of Object.keys(files)) {
    if (!FILE_NAME.test(name)) throw badInput('checkpoint file', name, 'a plain file name');
  }
}

/** A run goes on with the recipe it began with. */
export function checkSameRecipe(held: Recipe | undefined, recipe: Recipe): void {
  if (held && recipeHash(held) !== recipeHash(recipe)) {
    throw badInput(
      'recipe',
      recipe.name,
      `the recipe this run began with (${held.name}, ${recipeHash(held).slice(0, 12)})`,
    );
  }
}

/** A run in memory: for tests, and for a tab without storage. */
export class MemoryRunStore implements RunStore {
  #recipe: Recipe | undefined;
  #metrics = '';
  #episodes = '';
  readonly #checkpoints = new Map<number, CheckpointFiles>();
  #latest: number | undefined;

  writeRecipe(recipe: Recipe): Promise<void> {
    return settle(() => {
      checkSameRecipe(this.#recipe, recipe);
      this.#recipe = structuredClone(recipe);
    });
  }

  readRecipe(): Promise<Recipe | undefined> {
    return Promise.resolve(structuredClone(this.#recipe));
  }

  appendMetrics(line: MetricsLine): Promise<void> {
    return settle(() => void (this.#metrics += encodeLine(line)));
  }

  appendEpisodes(lines: readonly EpisodeLine[]): Promise<void> {
    return settle(() => void (this.#episodes += lines.map(encodeLine).join('')));
  }

  readMetrics(): Promise<MetricsLine[]> {
    return settle(() => decodeMetrics(this.#metrics));
  }

  readEpisodes(last = Infinity): Promise<EpisodeLine[]> {
    return settle(() => decodeLines<EpisodeLine>(this.#episodes, 'episodes.jsonl').slice(-last));
  }

  saveCheckpoint(step: number, files: CheckpointFiles): Promise<void> {
    return settle(() => {
      checkCheckpoint(step, files);
      if (step === this.#latest) return;
      this.#checkpoints.set(step, structuredClone(files));
      this.#latest = step;
    });
  }

  latestCheckpoint(): Promise<Checkpoint | undefined> {
    const step = this.#latest;
    if (step === undefined) return Promise.resolve(undefined);
    return Promise.resolve({ step, files: structuredClone(this.#checkpoints.get(step)!) });
  }

  async resume(): Promise<Checkpoint | undefined> {
    const checkpoint = await this.latestCheckpoint();
    const last = checkpoint?.step ?? -1;
    this.#metrics = decodeMetrics(this.#metrics, last).map(encodeLine).join('');
    this.#episodes = decodeLines<EpisodeLine>(this.#episodes, 'episodes.jsonl', last)
      .map(encodeLine)
      .join('');
    return checkpoint;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Runs `action` so that what it throws becomes a rejection. */
async function settle<T>(action: () => T): Promise<T> {
  return action();
}
