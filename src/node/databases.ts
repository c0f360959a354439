/** SQLite files of a folder or zip, by db_id. */
import { DatabaseFinder } from '../core/data/database.ts';
import type { Database, Schema } from '../core/data/task.ts';
import type { SqlService } from '../core/sql/outcome.ts';
import { openFiles } from './files.ts';

/**
 * Finds `…/<db_id>/<db_id>.sqlite` (its neighbours being test-suite variants) or `…/<db_id>.sqlite`
 * below `path`, for what runs SQL only: schemas are left empty.
 */
export async function openDatabases(
  path: string,
): Promise<(db_id: string, at: string) => Promise<Database>> {
  const source = await openFiles(path);
  const schemas = new Map<string, Schema>();
  const finder = new DatabaseFinder(source, await source.list(), schemas, undefined);
  return async (db_id, at) => {
    schemas.set(db_id, { tables: [] });
    await finder.add(db_id, at);
    return finder.databases.get(db_id)!;
  };
}

/** Adds the databases of all `items` to `service`: content hash by db_id. */
export async function addDatabases(
  service: SqlService,
  path: string,
  items: readonly { db_id: string; at: string }[],
): Promise<Map<string, string>> {
  const find = await openDatabases(path);
  const hashes = new Map<string, string>();
  for (const { db_id, at } of items) {
    if (hashes.has(db_id)) continue;
    const database = await find(db_id, at);
    hashes.set(db_id, await service.addDatabase(await database.bytes()));
  }
  return hashes;
}
