/** uPlot's options and data for one chart. */
import uPlot from 'uplot';
import { compact } from '../ui/format.ts';
import { CHART_COLOURS, type ChartColour, type ChartSpec, type SeriesSpec } from './charts.ts';
import type { Column, SeriesTable } from './series.ts';
import { stretchesOf, thinExtremes, thinLast, thinSteps } from './thin.ts';

export const PLOT_COLOURS = [
  'quiet',
  'line',
  'raised',
  ...CHART_COLOURS.map((name) => `chart-${name}` as const),
] as const;
export type PlotColours = Record<(typeof PLOT_COLOURS)[number], string>;

/** What may change under a plot while it lives; read at every drawing. */
export interface PlotState {
  colours: PlotColours;
  updates: number;
  smooth: boolean;
  table: SeriesTable;
}

/** Charts whose cursors move together. */
const SYNC = uPlot.sync('curves').key;
/** With fewer rows than this, lines have dots: a single value would be invisible. */
const FEW = 24;
const WHOLE_STEPS = [1, 2, 5].flatMap((n) => [1, 10, 100, 1e3, 1e4, 1e5].map((d) => n * d));
WHOLE_STEPS.sort((a, b) => a - b);
const SHARE_STEPS = [0.1, 0.25, 0.5];

const colourOf = (colour: ChartColour, { colours }: PlotState): string =>
  colours[`chart-${colour}`];

/** The scale of a series: shares have one of fixed range, everything else one a side. */
const scaleOf = ({ unit, right }: SeriesSpec): string =>
  `${right ? 'right' : 'left'}-${unit === 'share' ? 'share' : 'any'}`;

function yScale(series: SeriesSpec): uPlot.Scale {
  if (series.unit === 'share') return { range: () => [0, 1] };
  // A curve of lengths or times says nothing without its zero; others zoom in on what happens.
  const mode = series.unit === 'tokens' ? 1 : 3;
  return {
    range: (_plot, min, max) =>
      min === null || max === null
        ? [0, 1]
        : uPlot.rangeNum(min, max, {
            min: { pad: 0.08, soft: 0, mode },
            max: { pad: 0.08, soft: 0, mode },
          }),
  };
}

function yAxis(
  series: SeriesSpec,
  { series: all }: ChartSpec,
  em: number,
  state: () => PlotState,
): uPlot.Axis {
  const share = series.unit === 'share';
  const coloured = all.some(({ right }) => right !== series.right);
  const mine = all.filter((other) => scaleOf(other) === scaleOf(series));
  const axis: uPlot.Axis = {
    scale: scaleOf(series),
    side: series.right ? 1 : 3,
    size: Math.round(3.6 * em),
    gap: Math.round(0.4 * em),
    space: 2.6 * em,
    font: `${em}px system-ui, sans-serif`,
    stroke: () => (coloured ? colourOf(series.colour, state()) : state().colours.quiet),
    grid: { show: !series.right, stroke: () => state().colours.line, width: 1 },
    ticks: { show: false },
    values(_plot, splits) {
      if (share) return splits.map((value) => `${Math.round(value * 100)} %`);
      // An axis without a curve has no numbers yet: any would be made up.
      const known = mine.some(({ name }) => state().table.raw(name));
      return splits.map((value) => (known ? compact(value) : ''));
    },
  };
  return share ? { ...axis, incrs: SHARE_STEPS } : axis;
}

function lines(spec: SeriesSpec, state: () => PlotState): uPlot.Series[] {
  const stroke = (): string => colourOf(spec.colour, state());
  const base: uPlot.Series = { scale: scaleOf(spec), stroke, spanGaps: true };
  const dots = (size: number, show: (plot: uPlot) => boolean): uPlot.Series.Points => ({
    ...{ show, size, width: 0, fill: stroke },
  });
  if (spec.style === 'points') {
    return [{ ...base, width: 2.25, points: dots(8, () => true) }];
  }
  const few = (plot: uPlot): boolean => plot.data[0].length <= FEW;
  return [
    // One pixel is a hairline, which is drawn far faster than any other width.
    { ...base, width: 1, points: dots(4, (plot) => !state().smooth && few(plot)) },
    { ...base, width: 2, points: dots(4, few) },
  ];
}

/** @param em size of the axis text in pixels */
export function plotOptions(
  spec: ChartSpec,
  em: number,
  size: { width: number; height: number },
  state: () => PlotState,
  onCursor: (step: number | null) => void,
): uPlot.Options {
  const sides = [
    spec.series.find(({ right }) => !right),
    spec.series.find(({ right }) => right),
  ].filter((series) => series !== undefined);
  return {
    ...size,
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 7, width: 2, fill: () => state().colours.raised },
      sync: { key: SYNC, scales: ['x', null] },
    },
    scales: {
      x: {
        time: false,
        range: (_plot, _min, max) => [0, Math.max(1, state().updates, max ?? 0)],
      },
      ...Object.fromEntries(spec.series.map((series) => [scaleOf(series), yScale(series)])),
    },
    padding: [Math.round(0.6 * em), Math.round(1.2 * em), 0, 0],
    axes: [
      {
        size: Math.round(1.9 * em),
        gap: Math.round(0.4 * em),
        space: 4.5 * em,
        incrs: WHOLE_STEPS,
        font: `${em}px system-ui, sans-serif`,
        stroke: () => state().colours.quiet,
        grid: { show: false },
        ticks: { size: 4, stroke: () => state().colours.line, width: 1 },
        values: (_plot, splits) => splits.map((value) => compact(value)),
      },
      ...sides.map((series) => yAxis(series, spec, em, state)),
    ],
    series: [{}, ...spec.series.toReversed().flatMap((series) => lines(series, state))],
    hooks: {
      setCursor: [({ cursor, data }) => onCursor(cursor.idx == null ? null : data[0][cursor.idx]!)],
    },
  };
}

/**
 * Columns of the table, in the order of the plot's series: its own, or thinned to the width of the plot
 * when there are more rows than pixels.
 *
 * @param pixels width of the plot in CSS pixels
 */
export function plotData(
  spec: ChartSpec,
  { table, updates, smooth }: PlotState,
  pixels: number,
): uPlot.AlignedData {
  const { steps } = table;
  const bounds = steps.length > pixels ? stretchesOf(steps.length, Math.ceil(pixels / 2)) : null;
  // Without rows uPlot draws no axes: two empty ones span the run.
  const x =
    steps.length === 0 ? [0, Math.max(1, updates)] : bounds ? thinSteps(steps, bounds) : steps;
  const blank: Column = new Array<null>(x.length).fill(null);
  const columns = spec.series.toReversed().flatMap(({ name, style }) => {
    const raw = table.raw(name);
    const average = smooth ? table.smooth(name) : undefined;
    const last = (column?: Column): Column =>
      (column && bounds ? thinLast(column, bounds) : column) ?? blank;
    if (style === 'points') return [last(raw)];
    return [(raw && bounds ? thinExtremes(raw, bounds) : raw) ?? blank, last(average)];
  });
  return [x, ...columns];
}

/** With a smoothed line on top, the raw one steps back. */
export function applySmoothing(plot: uPlot, spec: ChartSpec, smooth: boolean): void {
  let at = 1;
  for (const { style } of spec.series.toReversed()) {
    plot.series[at]!.alpha = smooth && style === 'line' ? 0.45 : 1;
    at += style === 'line' ? 2 : 1;
  }
}
