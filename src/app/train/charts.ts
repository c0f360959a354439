/** Which charts there are, and which metrics (TRL's names) each of them shows. */
import { count, number, percent } from '../ui/format.ts';
import { TOKENS_PER_SECOND, type Column } from './series.ts';

/** How values read: shares have a fixed axis of 0 to 100 %. */
export type Unit = 'share' | 'tokens' | 'number';

export interface SeriesSpec {
  /** Metric as logged. */
  name: string;
  label: string;
  unit: Unit;
  /** Which `--chart-…` colour. */
  colour: ChartColour;
  /** `points`: measured now and then, a dot each and never smoothed. */
  style: 'line' | 'points';
  /** Against the axis on the right. */
  right: boolean;
}

export interface ChartSpec {
  id: string;
  title: string;
  /** What is measured, in a few words. */
  note: string;
  /** The first thing to look at: drawn larger. */
  primary: boolean;
  /** The first is drawn on top. */
  series: SeriesSpec[];
}

export const CHART_COLOURS = ['teal', 'blue', 'ochre', 'purple', 'red', 'grey'] as const;
export type ChartColour = (typeof CHART_COLOURS)[number];

const series = (
  name: string,
  label: string,
  unit: Unit,
  colour: ChartColour,
  rest: Partial<Pick<SeriesSpec, 'style' | 'right'>> = {},
): SeriesSpec => ({ name, label, unit, colour, style: 'line', right: false, ...rest });

const POINTS = { style: 'points' } as const;
const RIGHT = { right: true } as const;

const TERM = /^rewards\/(.+)\/mean$/;
const TERM_COLOURS: readonly ChartColour[] = ['blue', 'ochre', 'purple', 'red', 'grey'];

/** Reward terms have the same colour in curves and episodes, by their position. */
export const termColour = (index: number): ChartColour =>
  TERM_COLOURS[index % TERM_COLOURS.length]!;

/** Every chart, with all it could show. */
function allCharts(names: readonly string[]): ChartSpec[] {
  const terms = names.flatMap((name) => TERM.exec(name)?.[1] ?? []);
  const kl = names.includes('kl');
  return [
    {
      ...{ id: 'ex', title: 'Execution accuracy', primary: true },
      note: 'of answers',
      series: [
        series('eval/ex', 'greedy, evaluation', 'share', 'teal', POINTS),
        series('sql/ex', 'sampled, training', 'share', 'blue'),
      ],
    },
    {
      ...{ id: 'reward', title: 'Reward', primary: true },
      note: 'mean, and its terms',
      series: [
        series('reward', 'reward', 'number', 'teal'),
        // A reward of one term is that term.
        ...(terms.length < 2
          ? []
          : terms.map((term, i) => series(`rewards/${term}/mean`, term, 'number', termColour(i)))),
      ],
    },
    {
      ...{ id: 'failing', title: 'Failing SQL', primary: false },
      note: 'of answers',
      series: [
        series('eval/error', 'does not run, greedy', 'share', 'teal', POINTS),
        series('sql/error', 'does not run', 'share', 'red'),
        series('sql/empty', 'returns nothing', 'share', 'ochre'),
      ],
    },
    {
      ...{ id: 'groups', title: 'Groups without signal', primary: false },
      note: 'of questions',
      series: [
        series('frac_reward_zero_std', 'equal rewards', 'share', 'purple'),
        series('groups/all_wrong', 'all wrong', 'share', 'ochre'),
        series('groups/all_right', 'all right', 'share', 'teal'),
      ],
    },
    {
      ...{ id: 'entropy', title: kl ? 'Entropy and KL' : 'Entropy', primary: false },
      note: 'nats per token',
      series: [
        series('entropy', 'entropy', 'number', 'blue'),
        ...(kl ? [series('kl', 'KL to the start', 'number', 'ochre', RIGHT)] : []),
      ],
    },
    {
      ...{ id: 'length', title: 'Completion length', primary: false },
      note: 'tokens',
      series: [
        series('completions/mean_length', 'mean length', 'tokens', 'teal'),
        series('completions/clipped_ratio', 'cut at the limit', 'share', 'red', RIGHT),
      ],
    },
    {
      ...{ id: 'learning', title: 'Learning', primary: false },
      note: 'loss, gradient norm',
      series: [
        series('loss', 'loss', 'number', 'purple'),
        series('grad_norm', 'gradient norm', 'number', 'blue', RIGHT),
      ],
    },
    {
      ...{ id: 'throughput', title: 'Throughput', primary: false },
      note: 'tokens per second',
      series: [series(TOKENS_PER_SECOND, 'tokens per second', 'tokens', 'grey')],
    },
  ];
}

const isEvaluation = (name: string): boolean => name.startsWith('eval/');

/**
 * The charts for the metrics logged so far. Until an update is logged nobody knows which there will be:
 * all are shown, empty. Then those that have something to show.
 */
export function chartsFor(names: readonly string[]): ChartSpec[] {
  const charts = allCharts(names);
  if (names.every(isEvaluation)) return charts;
  return charts
    .map((chart) => ({ ...chart, series: chart.series.filter(({ name }) => names.includes(name)) }))
    .filter((chart) => chart.series.length > 0);
}

export function formatValue(value: number | null, unit: Unit): string {
  if (unit === 'share') return percent(value);
  return unit === 'tokens' && value !== null && Math.abs(value) >= 100
    ? count(value)
    : number(value);
}

/** First, last, lowest and highest of a curve, for those who do not see it. */
export function describeSeries(
  { label, unit }: Pick<SeriesSpec, 'label' | 'unit'>,
  steps: readonly number[],
  values: Column | undefined,
): string {
  let first = -1;
  let last = -1;
  let lowest = -1;
  let highest = -1;
  for (const [i, value] of (values ?? []).entries()) {
    if (value === null) continue;
    if (first < 0) first = lowest = highest = i;
    last = i;
    if (value < values![lowest]!) lowest = i;
    if (value > values![highest]!) highest = i;
  }
  if (first < 0) return `${label}: no data yet`;
  const at = (i: number): string => `${formatValue(values![i]!, unit)} at update ${steps[i]}`;
  if (first === last) return `${label}: ${at(first)}`;
  return (
    `${label}: first ${at(first)}, last ${at(last)}, ` +
    `lowest ${at(lowest)}, highest ${at(highest)}`
  );
}
