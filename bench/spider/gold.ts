/** How much of Spider's gold SQL the atomic operations can be read from. */
import type { Task } from '../../src/core/data/task.ts';
import { atomicOperations } from '../../src/core/sql/operations.ts';
import { loadSqlParser } from '../../src/core/sql/parser.ts';
import { useNodeSqlParser } from '../../src/node/sql-parser.ts';

export interface GoldRead {
  queries: number;
  /** Queries without a single operation: they cannot be read. */
  unread: string[];
  /** Mean operations of a query that was read. */
  operations: number;
}

export async function readGold(tasks: readonly Task[]): Promise<GoldRead> {
  useNodeSqlParser();
  const parser = await loadSqlParser();
  const sets = tasks.map(({ gold }) => atomicOperations(gold![0]!, parser));
  const read = sets.filter((set) => set.size > 0);
  const sum = read.reduce((total, { size }) => total + size, 0);
  return {
    queries: tasks.length,
    unread: tasks.flatMap(({ gold }, i) => (sets[i]!.size === 0 ? [gold![0]!] : [])),
    operations: sum / Math.max(1, read.length),
  };
}

export function goldMarkdown({ queries, unread, operations }: GoldRead): string {
  const lines = [
    '',
    `Atomic operations were read from ${queries - unread.length} of ${queries} gold queries, ${operations.toFixed(1)} of each on average.`,
    ...unread.slice(0, 10).map((sql) => `- not read: \`${sql}\``),
    '',
  ];
  return lines.join('\n');
}
