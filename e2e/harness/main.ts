/** The harness page: `window.run(place, task, argument)` runs a task here or in a module worker. */
import { tasks, type TaskName } from './tasks.ts';

export type Place = 'page' | 'worker';

declare global {
  interface Window {
    run: <T extends TaskName>(
      place: Place,
      name: T,
      ...argument: Parameters<(typeof tasks)[T]>
    ) => ReturnType<(typeof tasks)[T]>;
  }
}

function inWorker(name: TaskName, argument: readonly unknown[]): Promise<unknown> {
  const worker = new Worker(new URL('./harness.worker.ts', import.meta.url), { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<{ value?: unknown; error?: string }>) => {
      if (data.error === undefined) resolve(data.value);
      else reject(new Error(data.error));
      worker.terminate();
    };
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ name, argument });
  });
}

window.run = ((place: Place, name: TaskName, ...argument: unknown[]) =>
  place === 'worker'
    ? inWorker(name, argument)
    : (tasks[name] as (...x: unknown[]) => unknown)(...argument)) as Window['run'];
