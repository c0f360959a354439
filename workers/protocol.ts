/** What crosses between the page and its workers: plain data, so that structured cloning keeps all of it. */
import type { NurserySplit } from '../src/core/data/nursery/index.ts';
import type { Schema, Task } from '../src/core/data/task.ts';
import type { Episode } from '../src/core/episode/episode.ts';
import type { Candidate } from '../src/core/evaluate/ballot.ts';
import type { Fingerprint } from '../src/core/recipe/fingerprint.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import type { RewardBreakdown } from '../src/core/reward/reward.ts';
import type { QueryRequest, QueryResult } from '../src/core/sql/outcome.ts';
import type { TimeoutEntry } from '../src/core/sql/timeout-log.ts';
import type { EpisodeLine, MetricsLine } from '../src/core/train/run-store.ts';

export type BackendChoice = 'auto' | 'webgpu' | 'wasm';

export interface TabBackend {
  name: 'webgpu' | 'wasm';
  /** What WebGPU runs on, in words; null on wasm. */
  adapter: string | null;
  /** Why this backend, for people. */
  reason: string;
}

export interface StartedBackend extends TabBackend {
  /** That a run computes on. */
  threads: number;
}

/** A run as the list of runs shows it. Times are ms since 1970. */
export interface RunSummary {
  /** Begins with the recipe's hash; a repetition has `-2`, `-3`, … behind it. */
  id: string;
  recipe: Recipe;
  created: number;
  changed: number;
  /** Updates of the checkpoint to go on from. */
  done: number;
  /** Updates the recipe asks for. */
  updates: number;
  /** `eval/ex` of the last evaluation, null when there is none. */
  ex: number | null;
  /** Of the checkpoint to go on from. */
  fingerprint: Fingerprint | null;
}

export interface TrainRequest {
  recipe: Recipe;
  /** A run of this recipe to go on with; null begins a new one. */
  run: string | null;
  /** Stop after so many updates; undefined runs to the end. */
  updates?: number;
}

/** What happens in a run. Travels in batches, about ten a second. */
export type PolicyEvent =
  | { type: 'stage'; stage: 'policy' | 'data'; done?: number; total?: number }
  | {
      type: 'start';
      run: string;
      /** With the hash of its data. */
      recipe: Recipe;
      updates: number;
      done: number;
      tasks: number;
      left_out: number;
      unanswerable: number;
      /** What a resumed run has seen so far. */
      metrics: MetricsLine[];
      episodes: EpisodeLine[];
      /** Digests of the updates so far (`Fingerprint.updates`). */
      digests: string[];
    }
  | {
      type: 'update';
      update: number;
      metrics: Record<string, number>;
      digest: string;
      episodes: EpisodeLine[];
    }
  | { type: 'evaluation'; update: number; metrics: Record<string, number> }
  | { type: 'checkpoint'; update: number };

export interface TrainEnd {
  run: string;
  recipe: Recipe;
  update: number;
  finished: boolean;
  fingerprint: Fingerprint;
}

export interface AskRequest {
  question: string;
  /** 1 decodes greedily; more are drawn at temperature 1 and vote. */
  samples: number;
  /** Whose latest checkpoint to ask; null asks the warm start. */
  run: string | null;
}

/** The worker that holds the policy: tensors, the run loop, and the run's store. */
export interface PolicyWorkerApi {
  /**
   * First call, once: starts the backend and takes the channel to the reward worker. `cores` is what the
   * page knows of the machine; `onProgress` hears of WebGPU's kernels being compiled.
   */
  start(
    choice: BackendChoice,
    cores: number,
    reward: MessagePort,
    onProgress: (done: number, all: number) => void,
  ): Promise<StartedBackend>;
  /** Of the database in the box. */
  schema(): Promise<Schema>;
  /** Different queries about it, best first. */
  ask(request: AskRequest): Promise<Candidate[]>;
  train(request: TrainRequest, onEvents: (events: PolicyEvent[]) => void): Promise<TrainEnd>;
  /** Finish the update, save a checkpoint, end `train`. */
  stop(): void;
}

export interface LoadedTasks {
  sha256: string;
  splits: [split: string, tasks: Task[]][];
  databases: [db_id: string, schema: Schema, variants: number][];
}

/** Files of one's own, as the page describes them. */
export interface ImportedFiles {
  sha256: string;
  tasks: number;
  databases: number;
  /** Names of the splits there are, with their numbers of tasks. */
  splits: [split: string, tasks: number][];
}

/** The worker that executes SQL, in workers of its own, and rewards what came back. */
export interface RewardWorkerApi {
  /** Another end for the same calls: the policy worker's. */
  connect(port: MessagePort): void;
  /** Makes or reads the data a recipe names; asked again for the same, it is there at once. */
  load(
    recipe: Recipe,
    splits: NurserySplit[],
    onProgress: (done: number, total: number) => void,
  ): Promise<LoadedTasks>;
  /** Checks a zip of one's own data and keeps it in the browser. */
  importFiles(zip: Uint8Array): Promise<ImportedFiles>;
  /** Bytes of a loaded database, or of its test-suite variant number `variant`. */
  database(db_id: string, variant?: number): Promise<Uint8Array>;
  readSchema(bytes: Uint8Array): Promise<Schema>;
  /** A pool of SQL workers with these limits; every other call names it. */
  openPool(sql: Recipe['sql']): Promise<number>;
  addDatabase(pool: number, bytes: Uint8Array): Promise<string>;
  /** `replay`: outcomes recorded in an earlier session. Answers with timeouts new since the last call. */
  execute(
    pool: number,
    requests: QueryRequest[],
    replay: TimeoutEntry[],
  ): Promise<{ results: QueryResult[]; timeouts: TimeoutEntry[] }>;
  closePool(pool: number): Promise<void>;
  score(
    reward: { name: string; options?: unknown },
    episodes: Episode[],
  ): Promise<RewardBreakdown[]>;
}
