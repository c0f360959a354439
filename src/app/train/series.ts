/**
 * Lines of metrics.jsonl as columns for the charts. Lines come in growing lists; each call reads only
 * what is new, and columns grow in place, so that an update costs the same early and late in a run.
 */
import type { MetricsLine } from '../../core/train/run-store.ts';

/** null where a step has no value. */
export type Column = (number | null)[];

/** Weight of the past in the smoothed curves: about the last ten updates. */
export const SMOOTHING = 0.9;

/** Derived here: tokens the policy learnt from, per second of the update. */
export const TOKENS_PER_SECOND = 'tokens_per_second';

interface Metric {
  raw: Column;
  /** Exponential moving average of `raw`, corrected for its start (as in Adam). */
  smooth: Column;
  average: number;
  /** SMOOTHING to the number of values so far. */
  decay: number;
}

export class SeriesTable {
  /** Update numbers, ascending. All columns are as long as this. */
  readonly steps: number[] = [];
  readonly #metrics = new Map<string, Metric>();
  #read = 0;
  #last: MetricsLine | undefined;

  /** Metrics seen so far, in order of appearance. */
  get names(): string[] {
    return [...this.#metrics.keys()];
  }

  /**
   * Takes what is new in `lines`. A list that does not go on from the last one (another run, or a run
   * resumed from an earlier checkpoint) starts afresh.
   *
   * @returns whether anything changed
   */
  ingest(lines: readonly MetricsLine[]): boolean {
    let changed = false;
    if (this.#read > 0 && lines[this.#read - 1] !== this.#last) {
      this.#clear();
      changed = true;
    }
    for (; this.#read < lines.length; this.#read++) {
      this.#add(lines[this.#read]!);
      changed = true;
    }
    this.#last = lines[this.#read - 1];
    return changed;
  }

  /** Undefined for a metric that was never logged. */
  raw(name: string): Column | undefined {
    return this.#metrics.get(name)?.raw;
  }

  smooth(name: string): Column | undefined {
    return this.#metrics.get(name)?.smooth;
  }

  /** The row of a step, or of the last one before it; -1 before the first. */
  rowOf(step: number): number {
    let low = 0;
    let high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.steps[middle]! <= step) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #clear(): void {
    this.steps.length = 0;
    this.#metrics.clear();
    this.#read = 0;
  }

  /** An evaluation has a line of its own, with the step of the update before it. */
  #add(line: MetricsLine): void {
    const at = this.steps.at(-1);
    if (at === undefined || line.step > at) {
      this.steps.push(line.step);
      for (const { raw, smooth } of this.#metrics.values()) {
        raw.push(null);
        smooth.push(null);
      }
    } else if (line.step < at) {
      return; // out of order: no chart could draw it
    }
    for (const name of Object.keys(line)) if (name !== 'step') this.#set(name, line[name]);
    if (line['num_tokens'] !== undefined && line['step_time'] !== undefined) {
      this.#set(TOKENS_PER_SECOND, line['num_tokens'] / line['step_time']);
    }
  }

  #set(name: string, value: unknown): void {
    let metric = this.#metrics.get(name);
    if (!metric) {
      const empty = (): Column => new Array<null>(this.steps.length).fill(null);
      metric = { raw: empty(), smooth: empty(), average: 0, decay: 1 };
      this.#metrics.set(name, metric);
    }
    if (typeof value !== 'number' || !Number.isFinite(value)) return;
    metric.average = SMOOTHING * metric.average + (1 - SMOOTHING) * value;
    metric.decay *= SMOOTHING;
    metric.raw[this.steps.length - 1] = value;
    metric.smooth[this.steps.length - 1] = metric.average / (1 - metric.decay);
  }
}

/** The value at `index` or, where it has none, the last before it; null when there is none. */
export function valueAt(column: Column | undefined, index: number): number | null {
  if (!column) return null;
  for (let i = Math.min(index, column.length - 1); i >= 0; i--) {
    const value = column[i];
    if (value != null) return value;
  }
  return null;
}
