import type { Cell } from '../data/task.ts';
import type { TimeoutEntry } from './timeout-log.ts';

/** What became of a query (ARCHITECTURE.md, "SQL"). */
export type Outcome =
  | {
      kind: 'rows';
      columns: string[];
      /** At most the preview limit (20) when it comes from a pool. */
      rows: Cell[][];
      /** Rows the query returned, up to the row cap. */
      rowCount: number;
      /** True when the row cap cut the result. */
      truncated: boolean;
    }
  | { kind: 'error'; message: string }
  | { kind: 'timeout'; limitMs: number }
  | { kind: 'refused'; reason: string };

/**
 * Verdict of comparing a prediction with gold SQL or an answer. The relaxed scores are over the bags
 * of normalised cells (2506.06093 §3.2, this project's reading).
 */
export interface Comparison {
  /** BIRD's EX: equal as sets of rows. */
  bird: boolean;
  /** Spider's EX: equal bags, order when gold has ORDER BY, columns in any permutation. */
  spider: boolean;
  /** Equal as bags of cells, or equal scalar: the exact match of 2506.06093. */
  exact: boolean;
  /** |gold ∩ pred| / |gold| over bags of cells, in [0, 1]. */
  recall: number;
  /** F1 over the same bags, in [0, 1]. */
  f1: number;
  /** BIRD's Soft-F1, in [0, 1]. */
  softF1: number;
  /** QATCH: mean of cell precision, cell recall and tuple cardinality, in [0, 1] (Think2SQL). */
  qatch: number;
  /** Spider's EX on the database and on every variant named in the request; absent without variants. */
  testSuite?: boolean;
}

export interface QueryRequest {
  /** Content hash of the database, as given to `SqlService.addDatabase`. */
  database: string;
  sql: string;
  /** What to compare with; omit to execute only. */
  gold?: string[];
  answer?: Cell[][];
  /** Hashes of the test-suite variants of the database: gold and prediction run on each. */
  variants?: string[];
}

export interface QueryResult {
  outcome: Outcome;
  /** Present when the request had gold or answer and the outcome is rows; best over several golds. */
  comparison?: Comparison;
  /** Why a gold query could not serve (it failed, or its result was cut): a fault of the data. */
  goldError?: string;
  /** Wall time in ms: for people, never for rewards. */
  elapsedMs: number;
}

/**
 * The port through which the loop executes SQL. Implemented by the worker pool (tab and Node) and by
 * an in-process engine in tests. Results come in the order of the requests.
 */
export interface SqlService {
  /** Registers a database and returns its content hash. Adding the same bytes again is free. */
  addDatabase(bytes: Uint8Array): Promise<string>;
  execute(requests: QueryRequest[]): Promise<QueryResult[]>;
  /** Queries that timed out so far; absent where a query cannot be stopped. */
  readonly timeouts?: { entries(): TimeoutEntry[] };
  /** Gives these queries the outcome they had in an earlier run, without running them. */
  replay?(entries: readonly TimeoutEntry[]): void;
  /** Frees workers. The service cannot be used afterwards. */
  close(): Promise<void>;
}
