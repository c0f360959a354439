/**
 * The clock SQLite sees: emscripten asks the global Date for 'now' and for the local time zone. While
 * `run` runs (synchronously), both are a fixed instant in UTC.
 */
const LOCAL_FIELDS = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds'] as const;

export function withFrozenDate<T>(epochMs: number, run: () => T): T {
  const clock: { now: () => number; prototype: Date } = Date;
  const { now } = clock;
  const fields = clock.prototype as unknown as Record<string, unknown>;
  const saved = new Map<string, unknown>();
  const patch = (name: string, value: unknown): void => {
    saved.set(name, fields[name]);
    fields[name] = value;
  };
  clock.now = () => epochMs;
  for (const field of LOCAL_FIELDS) patch(`get${field}`, fields[`getUTC${field}`]);
  patch('getTimezoneOffset', () => 0);
  try {
    return run();
  } finally {
    clock.now = now;
    for (const [name, value] of saved) fields[name] = value;
  }
}
