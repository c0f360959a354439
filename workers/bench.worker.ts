/** The bench in a worker of its own: tensors beside the policy's, gone when the page has its table. */
import { shapesOf } from '../bench/table/shapes.ts';
import type { Progress } from '../bench/table/schedule.ts';
import { measureTable, type BenchTable } from '../bench/table/table.ts';
import { startTabBackend } from './backend.ts';
import { expose } from './call.ts';
import type { StartedBackend } from './protocol.ts';

export interface BenchApi {
  /** The whole table for models of these hidden sizes, on exactly this backend. */
  measure(
    backend: StartedBackend['name'],
    sizes: number[],
    onProgress: (progress: Progress) => void,
  ): Promise<BenchTable>;
}

const api: BenchApi = {
  async measure(backend, sizes, onProgress) {
    await startTabBackend(backend);
    return measureTable({ shapes: shapesOf(sizes), onProgress });
  },
};

expose(api);
