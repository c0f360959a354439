/** Where the worker of the bench is; in a file without state, so that its address is an ordinary one. */
export const newWorker = (): Worker =>
  new Worker(new URL('../../../workers/bench.worker.ts', import.meta.url), {
    type: 'module',
    name: 'bench',
  });
