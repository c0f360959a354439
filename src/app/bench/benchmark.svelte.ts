/** The measuring of this machine: what the dialog shows, and the worker that does it. */
import * as Comlink from 'comlink';
import type { Progress } from '../../../bench/table/schedule.ts';
import type { BenchTable } from '../../../bench/table/table.ts';
import type { BenchApi } from '../../../workers/bench.worker.ts';
import { connect, type Connection } from '../../../workers/call.ts';
import type { StartedBackend } from '../../../workers/protocol.ts';
import { newWorker } from './worker.ts';

export class Benchmark {
  progress = $state.raw<Progress | null>(null);
  table = $state.raw<BenchTable | null>(null);
  /** Why it ended before its time; empty when it did not. */
  problem = $state('');
  running = $state(false);
  #worker: Connection<BenchApi> | undefined;

  /** Measures models of these sizes in a worker of its own, which ends with it. */
  async measure(backend: StartedBackend['name'], sizes: readonly number[]): Promise<void> {
    const worker = connect<BenchApi>(newWorker());
    this.#worker = worker;
    this.running = true;
    this.problem = '';
    this.progress = null;
    this.table = null;
    const show = (progress: Progress): void => {
      if (worker === this.#worker) this.progress = progress;
    };
    try {
      const table = await worker.api.measure(backend, [...sizes], Comlink.proxy(show));
      if (worker === this.#worker) this.table = table;
    } catch (error) {
      if (worker === this.#worker) this.problem = (error as Error).message;
    } finally {
      if (worker === this.#worker) this.stop();
    }
  }

  /** Ends what is under way; nothing of it is kept. */
  stop(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
    this.running = false;
    this.progress = null;
  }
}
