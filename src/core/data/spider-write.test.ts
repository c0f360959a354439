import { expect, it } from 'vitest';
import { loadSql } from '../sql/load.ts';
import { importDataset } from './import.ts';
import { generateTasks } from './nursery/index.ts';
import { spiderFiles } from './spider-write.ts';

it('writes what the importer reads as the same tasks and databases', async () => {
  const sql = await loadSql();
  const of = (split: 'train' | 'dev', count: number) =>
    generateTasks({ seed: 3, split, count, schemaCount: 6, sql });
  const train = of('train', 12);
  const dev = of('dev', 6);
  const databases = new Map([...train.databases, ...dev.databases]);
  const files = new Map<string, Uint8Array>();
  const questions = [
    { name: 'train_spider.json', tasks: train.tasks },
    { name: 'dev.json', tasks: dev.tasks },
  ];
  for await (const [path, content] of spiderFiles(questions, databases)) files.set(path, content);
  const read = await importDataset({
    name: 'written',
    list: () => Promise.resolve([...files.keys()].sort()),
    read: (path) => Promise.resolve(files.get(path)!),
  });
  const essence = ({ db_id, question, gold, split }: (typeof read.tasks)[0]) => ({
    ...{ db_id, question, gold, split },
  });
  expect(read.tasks.map(essence)).toEqual([...dev.tasks, ...train.tasks].map(essence));
  expect([...read.databases.keys()].sort()).toEqual([...databases.keys()].sort());
  for (const [db_id, database] of read.databases) {
    const written = databases.get(db_id)!;
    expect(database.schema).toEqual(written.schema);
    expect(await database.bytes()).toEqual(await written.bytes());
    expect(database.variants).toHaveLength(written.variants.length);
    expect(await database.variants[0]!()).toEqual(await written.variants[0]!());
  }
});
