import { queryKey } from './service.ts';

export interface TimeoutEntry {
  /** Content hash of the database. */
  database: string;
  sql: string;
  limitMs: number;
}

/**
 * Queries that timed out in a run. Whether a slow query makes its limit depends on the machine, so a
 * resumed or reproduced run replays these outcomes instead of running the queries.
 */
export class TimeoutLog {
  readonly #entries = new Map<string, TimeoutEntry>();

  constructor(entries: Iterable<TimeoutEntry> = []) {
    for (const entry of entries) this.add(entry);
  }

  add(entry: TimeoutEntry): void {
    const key = queryKey(entry.database, entry.sql);
    if (!this.#entries.has(key)) this.#entries.set(key, entry);
  }

  /** In the order in which they were first seen. */
  entries(): TimeoutEntry[] {
    return [...this.#entries.values()];
  }
}
