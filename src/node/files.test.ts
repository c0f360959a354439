import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import initSqlJs from 'sql.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importDataset } from '../core/data/import.ts';
import { schemaFromSqlite } from '../core/data/schema.ts';
import { splitByDatabase } from '../core/data/split.ts';
import type { Cell } from '../core/data/task.ts';
import { openFiles } from './files.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepsql-files-'));
  await mkdir(join(root, 'set/sub'), { recursive: true });
  await writeFile(join(root, 'set/b.json'), '[]');
  await writeFile(join(root, 'set/sub/a.txt'), 'text');
  await writeFile(join(root, 'set/.hidden'), 'x');
  await writeFile(join(root, 'outside'), 'x');
  await symlink('..', join(root, 'set/sub/loop'));
  await symlink('nowhere', join(root, 'set/broken'));
  await writeFile(join(root, 'set.zip'), zipSync({ 'b.json': new Uint8Array([0x5b, 0x5d]) }));
});
afterAll(() => rm(root, { recursive: true }));

describe('openFiles', () => {
  it('lists and reads a folder, links and loops included', async () => {
    const source = await openFiles(join(root, 'set'));
    expect(source.name).toBe('set');
    expect(await source.list()).toEqual(['b.json', 'sub/a.txt']);
    expect(new TextDecoder().decode(await source.read('sub/a.txt'))).toBe('text');
    await expect(source.read('../outside')).rejects.toThrow(/file: got "\.\.\/outside"/);
  });

  it('opens a zip', async () => {
    const source = await openFiles(join(root, 'set.zip'));
    expect([source.name, ...(await source.list())]).toEqual(['set.zip', 'b.json']);
  });

  it('refuses what is neither', async () => {
    await expect(openFiles(join(root, 'none'))).rejects.toThrow(/expected an existing folder/);
    await expect(openFiles(join(root, 'outside'))).rejects.toThrow(/data: got .*outside/);
  });
});

const SPIDER = '../shared/data/spider';

describe.skipIf(!existsSync(SPIDER))('Spider (needs ../shared/data/spider)', () => {
  it('imports whole, its schemas as the databases have them', async () => {
    const dataset = await importDataset(await openFiles(SPIDER));
    expect(dataset.tasks).toHaveLength(6057);
    expect(dataset.databases.size).toBe(129);
    expect(new Set(dataset.tasks.map((task) => task.id)).size).toBe(6057);

    const { Database } = await initSqlJs();
    const shape = (tables: { name: string; columns: { name: string }[] }[]): string[] =>
      tables.map((t) => `${t.name}(${t.columns.map((c) => c.name).join()})`.toLowerCase()).sort();
    const different: string[] = [];
    for (const [db_id, database] of dataset.databases) {
      const db = new Database(await database.bytes());
      const own = await schemaFromSqlite((sql) => (db.exec(sql)[0]?.values ?? []) as Cell[][]);
      db.close();
      if (shape(own.tables).join() !== shape(database.schema.tables).join()) different.push(db_id);
    }
    expect(different).toEqual([]);

    const { train, validation } = splitByDatabase(dataset, 0.1, 1);
    expect(validation.databases.size).toBe(13);
    expect(train.tasks.length + validation.tasks.length).toBe(6057);
  });
});
