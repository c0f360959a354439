/** One task in a module worker. */
import { tasks, type TaskName } from './tasks.ts';

self.onmessage = async ({ data }: MessageEvent<{ name: TaskName; argument: unknown[] }>) => {
  try {
    const value = await (tasks[data.name] as (...x: unknown[]) => unknown)(...data.argument);
    self.postMessage({ value });
  } catch (error) {
    self.postMessage({ error: String((error as Error).stack ?? error) });
  }
};
