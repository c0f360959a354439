/**
 * The Task record: one question about one database, as Spider, BIRD, question–answer files and the
 * Nursery all become it. Field names follow Spider and BIRD.
 */

/** One cell of a result. Integers are bigint when they do not fit a double exactly (|n| > 2^53 - 1). */
export type Cell = null | number | bigint | string | Uint8Array;

export interface Task {
  /** Unique within its dataset. */
  id: string;
  /** Key of the database in the dataset's `databases`. */
  db_id: string;
  question: string;
  /** BIRD's external knowledge for this question. */
  evidence?: string;
  /** Gold SQL, the first being *the* gold. Methods that learn from answers never read it. */
  gold?: string[];
  /** Rows that answer the question, in order. At least one of `gold` and `answer` is present. */
  answer?: Cell[][];
  /** Spider: easy, medium, hard, extra. BIRD: simple, moderate, challenging. */
  difficulty?: string;
  /** train, tuning, dev, … as the dataset names it. */
  split: string;
  /** Nursery only: which skill (template and wording) the question exercises. */
  skill?: string;
  /** Tool calls without which the question cannot be answered, normalised (`callKey`). For metrics, never for rewards. */
  needs?: string[];
  /** What these calls would tell, as text: for the oracle, which reads it in the prompt. */
  facts?: string;
}

export interface Column {
  name: string;
  /** SQLite's declared type, upper case, '' when none. */
  type: string;
  primaryKey: boolean;
  /** What the column means, as BIRD's column_description. */
  description?: string;
  /** Left out of the prompt: only the tool `describe` tells of it. */
  hidden?: boolean;
  /** Meanings of stored values that are codes, as BIRD's value_description; the prompt marks such columns. */
  values?: ReadonlyMap<string, string>;
}

export interface ForeignKey {
  column: string;
  refTable: string;
  refColumn: string;
}

export interface Table {
  name: string;
  columns: Column[];
  foreignKeys: ForeignKey[];
}

export interface Schema {
  tables: Table[];
}

/** A database as data: bytes are made or read when asked for, so thousands may be listed. */
export interface Database {
  db_id: string;
  schema: Schema;
  /** The SQLite file. Deterministic: equal calls give equal bytes. */
  bytes(): Promise<Uint8Array>;
  /** Test-suite variants: same schema, other rows. Empty where the dataset has none. */
  variants: (() => Promise<Uint8Array>)[];
}

export interface Dataset {
  name: string;
  tasks: Task[];
  databases: Map<string, Database>;
}
