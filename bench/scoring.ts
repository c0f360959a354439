/**
 * Pairs of a prediction and its gold scored per second by FINER-SQL's reward (execute, compare, atomic operations,
 * memory of 500 thoughts by character n-grams) in batches of 256, against executing and comparing alone, in turns;
 * and queries read per second against sqlglot, which the paper's code reads them with.
 */
import { resolve } from 'node:path';
import { findReward } from '../src/core/reward/index.ts';
import { annotateSimilarity } from '../src/core/reward/score-memory.ts';
import { readScoreLine, scoreItems } from '../src/core/reward/score.ts';
import { finerOptions } from '../src/core/reward/finer.ts';
import { parseOptions } from '../src/core/options.ts';
import { loadSql } from '../src/core/sql/engine.ts';
import { atomicOperations } from '../src/core/sql/operations.ts';
import { loadSqlParser } from '../src/core/sql/parser.ts';
import { useNodeSqlParser } from '../src/node/sql-parser.ts';
import { nodeSqlPool } from '../src/node/sql-pool.ts';
import { PeerProcess } from './peers/process.ts';
import { queryOf, shopDatabase } from './sql-database.ts';
import type { SqlRow } from './sql-rows.ts';

const BATCH = 256;
const ROUNDS = 6;
/** Rounds before those that count: workers start, and the engine compiles what runs often. */
const WARM_UP = 4;
const THOUGHTS = 500;
const READ = 2000;

const thoughtOf = (n: number): string =>
  `Question ${n} asks for rows of customer with a condition on ${['age', 'id', 'total', 'city'][n % 4]}; ` +
  `the columns name and city are shown, groups ${n * 7919} are kept and sorted by ${n % 13} of them.`;

/** Completion `n` and a gold that is seldom equal to it; `where` makes texts that no cache knows. */
const pairOf = (n: number, where: string) => ({
  ...{ db_id: 'shop', gold: `${queryOf(n + 4)} -- ${where}` },
  completion: `<think>${thoughtOf(n)}</think>\n${queryOf(n)} -- ${where}`,
});

const perSecond = (count: number, ms: number): number => (count * 1000) / ms;

async function benchPairs(): Promise<SqlRow> {
  const pool = nodeSqlPool({ workerFile: resolve('dist/node/sql.worker.js') });
  const database = await pool.addDatabase(shopDatabase(await loadSql()));
  const method = findReward('finer');
  const options = parseOptions(finerOptions, { thoughts: { embedder: 'n-grams' } }, 'finer');
  const thoughts = Array.from({ length: THOUGHTS }, (_, n) => ({
    ...{ text: thoughtOf(n * 31), db_id: 'other' },
  }));
  const annotate = await annotateSimilarity(thoughts, options.thoughts);
  await method.prepare(options);
  let [executing, scoring] = [0, 0];
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const items = (where: string) =>
      Array.from({ length: BATCH }, (_, i) =>
        readScoreLine(pairOf(round * BATCH + i, where), `pair ${i}`),
      );
    const [alone, whole] = [items(`alone ${round}`), items(`whole ${round}`)];
    let start = performance.now();
    const requests = alone.map(({ task, steps }) => ({
      ...{ database, sql: steps.at(-1)!.sql!, gold: task.gold! },
    }));
    await pool.execute(requests);
    if (round >= WARM_UP) executing += performance.now() - start;
    start = performance.now();
    const reward = method.make(options);
    await scoreItems(whole, () => database, pool, { method, reward, annotate });
    if (round >= WARM_UP) scoring += performance.now() - start;
  }
  await pool.close();
  return {
    what: 'pairs scored (execute, compare, atomic, memory)',
    ours: perSecond(ROUNDS * BATCH, scoring),
    rival: 'executing and comparing alone',
    theirs: perSecond(ROUNDS * BATCH, executing),
  };
}

/** @param python runs sqlglot; undefined where no peers take part */
async function benchReading(python: string | undefined): Promise<SqlRow> {
  const parser = await loadSqlParser();
  const queries = Array.from({ length: READ }, (_, n) => queryOf(n));
  const peer = python === undefined ? undefined : await sqlglot(python, queries);
  const row: SqlRow = {
    ...{ what: 'queries read as operations', ours: 0 },
    ...{ rival: peer?.rival ?? 'sqlglot', theirs: undefined },
  };
  for (let round = 0; round < 4; round++) {
    const start = performance.now();
    for (const sql of queries) atomicOperations(sql, parser);
    row.ours = Math.max(row.ours, perSecond(READ, performance.now() - start));
    const theirs = await peer?.seconds();
    if (theirs !== undefined) row.theirs = Math.max(row.theirs ?? 0, READ / theirs);
  }
  peer?.close();
  return row;
}

async function sqlglot(python: string, sql: readonly string[]) {
  try {
    const peer = await PeerProcess.start(python, 'operations.py');
    await peer.ask('load', { sql });
    return {
      rival: 'sqlglot (Python), trees alone',
      seconds: () => peer.seconds({}),
      close: () => peer.close(),
    };
  } catch (error) {
    return {
      rival: `sqlglot, not installed (${(error as Error).message})`,
      seconds: () => Promise.resolve(undefined),
      close: () => undefined,
    };
  }
}

export async function benchScoring(python: string | undefined): Promise<SqlRow[]> {
  useNodeSqlParser();
  return [await benchPairs(), await benchReading(python)];
}
