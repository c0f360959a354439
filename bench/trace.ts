/** Reading Chromium's traces. */

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** Microseconds. */
  dur?: number;
  /** Of these, on a processor. */
  tdur?: number;
  args?: { name?: string };
}

export interface LongestTask {
  /** Milliseconds from its beginning to its end: on a busy machine it waits for a processor too. */
  wall: number;
  /** Milliseconds on a processor, of the task that took most. */
  cpu: number;
}

/** Of the tasks that threads of pages ran. */
export function longestTask(trace: Buffer): LongestTask {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const thread = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
  const main = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(thread),
  );
  const tasks = traceEvents.filter((event) => event.name === 'RunTask' && main.has(thread(event)));
  return {
    wall: Math.max(0, ...tasks.map(({ dur = 0 }) => dur / 1000)),
    cpu: Math.max(0, ...tasks.map(({ tdur = 0 }) => tdur / 1000)),
  };
}
