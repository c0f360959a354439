/** Which tasks of a file can be learnt from: those that have an answer. */
import type { Task } from '../data/task.ts';
import type { SqlService } from '../sql/outcome.ts';
import type { DatabaseHashes } from './context.ts';

/** Gold queries that run together. */
const BATCH = 256;

/**
 * Leaves out tasks whose answer is empty or whose gold SQL returns no row or does not run: any query
 * that finds nothing would be right. A task with an answer is judged by it, its gold is not run. The
 * Nursery's tasks are checked when they are generated.
 */
export async function answerable(
  tasks: readonly Task[],
  databases: DatabaseHashes,
  sql: SqlService,
): Promise<Task[]> {
  const kept: Task[] = [];
  for (let start = 0; start < tasks.length; start += BATCH) {
    const batch = tasks.slice(start, start + BATCH);
    const unknown = batch.filter(({ answer }) => answer === undefined);
    const requests = await Promise.all(
      unknown.map(async ({ db_id, gold }) => ({
        database: await databases.of(db_id),
        sql: gold![0]!,
      })),
    );
    const outcomes = new Map(
      (await sql.execute(requests)).map(({ outcome }, i) => [unknown[i]!, outcome]),
    );
    for (const task of batch) {
      const outcome = outcomes.get(task);
      const rows = outcome?.kind === 'rows' ? outcome.rowCount : (task.answer?.length ?? 0);
      if (rows > 0) kept.push(task);
    }
  }
  return kept;
}
