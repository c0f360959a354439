/** What the tests can ask of the harness. Arguments and results are plain data. */
import { backendFailure } from '../../src/core/tensor/backend.ts';
import { compareLaunches } from './launches.ts';
import { compareLogits } from './logits.ts';
import { compareOperations } from './operations.ts';
import { freeManySizes } from './pool.ts';
import { trainTiny, trainWarm } from './train.ts';

/** WebGPU refuses operations without a word to whoever asked for them: then the task fails after all. */
function checked<A extends unknown[], R>(task: (...x: A) => Promise<R>): (...x: A) => Promise<R> {
  return async (...x) => {
    const result = await task(...x);
    const failure = backendFailure();
    if (failure) throw failure;
    return result;
  };
}

export const tasks = {
  trainWarm: checked(trainWarm),
  trainTiny: checked(trainTiny),
  compareOperations: checked(compareOperations),
  compareLaunches: checked(compareLaunches),
  compareLogits: checked(compareLogits),
  freeManySizes: checked(freeManySizes),
};

export type TaskName = keyof typeof tasks;
