/** What arms are compared by: names, titles and directions of the measures in result files. */
import type { SplitResult } from './result.ts';

export interface Metric {
  title: string;
  better: 'higher' | 'lower' | null;
  /** How values are printed: fractions as percent, the others with two decimals. */
  unit: 'percent' | 'number';
  /** Null or undefined where it was not measured. */
  of: (split: SplitResult) => number | null | undefined;
}

const share = (title: string, better: Metric['better'], of: Metric['of']): Metric => ({
  title,
  better,
  unit: 'percent',
  of,
});

const more = (
  name: string,
  title: string,
  better: Metric['better'],
  unit: Metric['unit'] = 'percent',
): Metric => ({ title, better, unit, of: (split) => split.more?.[name] });

export const METRICS = {
  ex: share('EX', 'higher', (s) => s.ex),
  ts: share('TS', 'higher', (s) => s.ts),
  error: share('failing', 'lower', (s) => s.error),
  sampled_error: share('failing, T = 1', 'lower', (s) => s.samples?.error_rate),
  empty: share('empty', 'lower', (s) => s.empty),
  over_broad: share('over-broad', 'lower', (s) => s.over_broad),
  pass_at_1: share('pass@1', 'higher', (s) => s.samples?.pass_at_1),
  majority_at_8: share('maj@8', 'higher', (s) => s.samples?.majority_at_k),
  pass_at_8: share('pass@8', 'higher', (s) => s.samples?.pass_at_k),
  kl_from_start: more('kl_from_start', 'KL from start, nats/token', null, 'number'),
  calls: more('calls', 'calls a question', 'lower', 'number'),
  wasted_calls: more('wasted_calls', 'wasted calls a question', 'lower', 'number'),
  repeated_calls: more('repeated_calls', 'repeats a question', 'lower', 'number'),
  useless_calls: more('useless_calls', 'useless a question', 'lower', 'number'),
  failing_calls: more('failing_calls', 'failing a question', 'lower', 'number'),
  calls_per_correct: more('calls_per_correct', 'calls a right answer', 'lower', 'number'),
  needed_recall: more('needed_recall', 'recall of needed calls', 'higher'),
  prm_best_of_8: more('prm_best_of_8', 'PRM Best-of-8 (min)', 'higher'),
  prm_product: more('prm_product', 'by product', 'higher'),
  prm_last: more('prm_last', 'by last', 'higher'),
  prm_mean: more('prm_mean', 'by mean', 'higher'),
  prm_weighted: more('prm_weighted', 'by weighted mean', 'higher'),
  prm_guided: more('prm_guided', 'PRM-guided search', 'higher'),
  random_executable: more('random_executable', 'random executable of 8', 'higher'),
  value_aware_vote: share('value-aware vote of 8', 'higher', (s) => s.samples?.value_aware_at_k),
  prm_auc: more('prm_auc', 'AUC of the PRM on answers', 'higher', 'number'),
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;

/** Undefined where it was not measured. */
export function measured(name: MetricName, split: SplitResult | undefined): number | undefined {
  const value = split && METRICS[name].of(split);
  return value == null || Number.isNaN(value) ? undefined : value;
}
