/** Which files of a source are questions and which are schemas. */
import { badInput } from '../errors.ts';
import { readTables } from './schema.ts';
import { withName } from './source.ts';
import type { FileSource } from './source.ts';
import type { Schema } from './task.ts';

/** The question files to read: those asked for, else the format's published names. */
export function questionFiles(
  source: FileSource,
  paths: readonly string[],
  published: readonly string[],
  asked: readonly string[] | undefined,
): string[] {
  const missing = asked?.find((path) => !paths.includes(path));
  if (missing !== undefined) throw badInput('files', missing, `a file of ${source.name}`);
  const files = asked ?? published.flatMap((name) => withName(paths, name).slice(0, 1));
  if (files.length === 0) {
    throw badInput(source.name, paths.slice(0, 5), `a question file: ${published.join(', ')}`);
  }
  return [...files];
}

/** Schemas of all the `tables.json`-like files present, by db_id; earlier names win. */
export async function schemasNamed(
  source: FileSource,
  paths: readonly string[],
  names: readonly string[],
): Promise<Map<string, Schema>> {
  const all = new Map<string, Schema>();
  for (const name of names) {
    const [path] = withName(paths, name);
    if (path === undefined) continue;
    for (const [db_id, schema] of await readTables(source, path)) {
      if (!all.has(db_id)) all.set(db_id, schema);
    }
  }
  return all;
}
