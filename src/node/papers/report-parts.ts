/** What all parts of a report share. */
import { tInterval } from '../../core/evaluate/statistics.ts';
import type { Block } from './document.ts';
import type { Experiment } from './experiment.ts';
import { METRICS, type MetricName } from './metrics.ts';
import type { PrmResult, RunResult, TrialResult, WarmResult } from './result.ts';

export interface ReportInputs {
  experiment: Experiment;
  runs: readonly RunResult[];
  heldout: readonly RunResult[];
  trials: readonly TrialResult[];
  warm: readonly WarmResult[];
  prm: readonly PrmResult[];
  /** Commands that make everything anew. */
  commands: readonly string[];
  maxSeeds: number;
}

export const heading = (text: string, level: 2 | 3 = 2): Block => ({ is: 'heading', text, level });

export const scaled = (metric: MetricName, value: number): string =>
  METRICS[metric].unit === 'percent' ? (100 * value).toFixed(1) : value.toFixed(3);

export const signed = (metric: MetricName, value: number): string =>
  `${value >= 0 ? '+' : '−'}${scaled(metric, Math.abs(value))}`;

export function withInterval(metric: MetricName, values: readonly number[]): string {
  if (values.length === 0) return '–';
  const { mean: centre, low, high } = tInterval(values);
  const shown = scaled(metric, centre);
  if (values.length === 1) return shown;
  return `${shown} [${scaled(metric, low)}, ${scaled(metric, high)}]`;
}

/** Mean and interval of plain numbers. */
export function withNumbers(values: readonly number[]): string {
  if (values.length === 0) return '–';
  const { mean: centre, low, high } = tInterval(values);
  const shown = centre.toFixed(3);
  return values.length === 1 ? shown : `${shown} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}
