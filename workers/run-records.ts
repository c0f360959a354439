/** What happens to one run inside one transaction: its lines, its checkpoints, and its record. */
import { badInput, StepSqlError } from '../src/core/errors.ts';
import { fingerprintOf } from '../src/core/recipe/fingerprint.ts';
import { parseRecipeText } from '../src/core/recipe/parse.ts';
import { updatesOf, type Recipe } from '../src/core/recipe/schema.ts';
import {
  encodeLine,
  type Checkpoint,
  type CheckpointFiles,
  type EpisodeLine,
  type MetricsLine,
} from '../src/core/train/run-store.ts';
import type { RunSummary } from './protocol.ts';
import type { ReadTransaction, RunRecord, WriteTransaction } from './run-tables.ts';

export type LineTable = 'metrics' | 'episodes';

const KEPT_CHECKPOINTS = 2;

export const emptyRecord = (id: string, now: number): RunRecord => ({
  ...{ id, recipe: null, created: now, changed: now },
  ...{ checkpoints: [], ex: null, fingerprint: null, next_line: 0, line_bytes: 0 },
});

/** Keys of lines and checkpoints beyond `step`; of all of a run without one. Arrays sort last. */
export const beyond = (id: string, step?: number): IDBKeyRange =>
  IDBKeyRange.bound(step === undefined ? [id] : [id, step, []], [id, []]);

/** Lines ready to be stored. Their text is made here: callers may change them afterwards. */
export type EncodedLine = [step: number, text: string];

export function encodeLines(
  table: LineTable,
  lines: readonly (MetricsLine | EpisodeLine)[],
): EncodedLine[] {
  return lines.map((line) => {
    if (!Number.isFinite(line.step)) throw badInput(`${table}: step`, line.step, 'a number');
    return [line.step, encodeLine(line)];
  });
}

const EX = 'eval/ex';

/** Of a metrics line: null where it was not a number, undefined where there is none. */
const exOf = (text: string): number | null | undefined =>
  text.includes(EX) ? (JSON.parse(text) as Record<string, number | null>)[EX] : undefined;

/** Steps never decrease from line to line. */
export async function addLines(
  tx: WriteTransaction,
  record: RunRecord,
  table: LineTable,
  lines: readonly EncodedLine[],
): Promise<void> {
  const store = tx.objectStore(table);
  const stored = lines.map(async ([step, text]) => {
    record.line_bytes += text.length;
    const ex = table === 'metrics' ? exOf(text) : undefined;
    if (ex !== undefined) record.ex = ex;
    await store.put(text, [record.id, step, record.next_line++]);
  });
  await Promise.all(stored);
}

async function lastEx(tx: WriteTransaction, id: string): Promise<number | null> {
  let cursor = await tx.objectStore('metrics').openCursor(beyond(id), 'prev');
  while (cursor) {
    const ex = exOf(cursor.value);
    if (ex !== undefined) return ex;
    cursor = await cursor.continue();
  }
  return null;
}

/** Drops what was logged after `step`. */
export async function dropLines(
  tx: WriteTransaction,
  record: RunRecord,
  step: number,
): Promise<void> {
  const range = beyond(record.id, step);
  for (const table of ['metrics', 'episodes'] as const) {
    const store = tx.objectStore(table);
    for (const text of await store.getAll(range)) record.line_bytes -= text.length;
    await store.delete(range);
  }
  record.ex = await lastEx(tx, record.id);
}

/** Just the bytes: a view would be stored with all of the buffer behind it, which may be wasm's memory. */
export const copyFiles = (files: CheckpointFiles): CheckpointFiles =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, new Uint8Array(bytes)]));

/** Puts a checkpoint in force and drops older ones. `files`: copies. */
export async function addCheckpoint(
  tx: WriteTransaction,
  record: RunRecord,
  { step, files }: Checkpoint,
): Promise<void> {
  const store = tx.objectStore('checkpoints');
  await store.put(files, [record.id, step]);
  const bytes = Object.values(files).reduce((sum, { byteLength }) => sum + byteLength, 0);
  const others = record.checkpoints.filter((other) => other.step !== step);
  record.checkpoints = [...others, { step, bytes }];
  for (const old of record.checkpoints.splice(0, record.checkpoints.length - KEPT_CHECKPOINTS)) {
    await store.delete([record.id, old.step]);
  }
  record.fingerprint = fingerprintOf(files) ?? null;
}

/** Goes back to an earlier checkpoint, or to none. */
export async function goBackTo(
  tx: WriteTransaction,
  record: RunRecord,
  checkpoint: Checkpoint | undefined,
): Promise<void> {
  while (record.checkpoints.length > 0 && record.checkpoints.at(-1)!.step !== checkpoint?.step) {
    await tx.objectStore('checkpoints').delete([record.id, record.checkpoints.pop()!.step]);
  }
  record.fingerprint = (checkpoint && fingerprintOf(checkpoint.files)) ?? null;
}

/** The last `last` lines up to `step`, in order, as one text. */
export async function readLines(
  tx: ReadTransaction,
  table: LineTable,
  id: string,
  last = Infinity,
  step = Infinity,
): Promise<string> {
  const store = tx.objectStore(table);
  let range = IDBKeyRange.bound([id], [id, step, []]);
  if (last < Infinity) {
    const keys = await store.getAllKeys(range);
    if (last <= 0 || keys.length === 0) return '';
    range = IDBKeyRange.bound(keys[Math.max(0, keys.length - last)], range.upper);
  }
  return (await store.getAll(range)).join('');
}

/** The checkpoint in force, or an earlier one. Throws `storage` when the browser has lost it. */
export async function readCheckpoint(
  tx: ReadTransaction,
  { id, checkpoints }: RunRecord,
  earlier = 0,
): Promise<Checkpoint | undefined> {
  const step = checkpoints.at(-1 - earlier)?.step;
  if (step === undefined) return undefined;
  const files = await tx.objectStore('checkpoints').get([id, step]);
  if (files) return { step, files };
  throw new StepSqlError('storage', `the browser has lost checkpoint ${step} of run ${id}`);
}

/** Undefined for a run whose recipe is not written yet, or is of a later version. */
export function summaryOf(record: RunRecord): RunSummary | undefined {
  if (record.recipe === null) return undefined;
  let recipe: Recipe;
  try {
    recipe = parseRecipeText(record.recipe);
  } catch (error) {
    if (error instanceof StepSqlError) return undefined;
    throw error;
  }
  const { id, created, changed, ex, fingerprint, checkpoints } = record;
  const done = checkpoints.at(-1)?.step ?? 0;
  return { id, recipe, created, changed, done, updates: updatesOf(recipe), ex, fingerprint };
}
