/** Runs of this browser as run files (.zip) and back. */
import { packRun, unpackRun } from '../src/core/recipe/run-file.ts';
import { MemoryRunStore } from '../src/core/train/run-store.ts';
import type { RunDatabase } from './run-database.ts';

/** The run as it is now, even while it goes on. Throws `bad_input` when it is not here. */
export const packFile = async (database: RunDatabase, id: string): Promise<Uint8Array> =>
  packRun(await database.snapshot(id));

/**
 * Adds the run in a run file and returns its id. Throws `bad_input` when the file is no run or exceeds a
 * limit, `storage_full` when it does not fit; then nothing is kept.
 */
export async function unpackFile(database: RunDatabase, bytes: Uint8Array): Promise<string> {
  const run = new MemoryRunStore();
  await unpackRun(bytes, run);
  return database.add(run);
}
