/** One tab at a time works on a run. */
import { StepSqlError } from '../src/core/errors.ts';
import { browserLocks, type Locks } from './life.ts';

/**
 * Does `work` with the run locked against other tabs and workers. Throws `run_open` when it already is.
 * Where the browser has no Web Locks (plain http) it just works: the page says so.
 */
export async function withRunLock<T>(
  id: string,
  work: () => Promise<T>,
  locks: Locks | undefined = browserLocks(),
): Promise<T> {
  if (!locks) return work();
  return locks.request(`stepsql-run-${id}`, { ifAvailable: true }, (lock) => {
    if (lock) return work();
    throw new StepSqlError(
      'run_open',
      'this run is open in another tab, or being worked on here: close it there first',
      'run',
    );
  });
}
