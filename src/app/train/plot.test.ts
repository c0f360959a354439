import { describe, expect, it } from 'vitest';
import { chartsFor } from './charts.ts';
import { plotData, type PlotColours } from './plot.ts';
import { SeriesTable } from './series.ts';

const PIXELS = 100;

function data(rows: number, smooth: boolean) {
  const table = new SeriesTable();
  table.ingest(
    Array.from({ length: rows }, (_, i) => ({
      ...{ step: i + 1, 'sql/ex': i === 777 ? 1 : 0.25 },
      ...(i % 10 === 0 && { 'eval/ex': 0.5 }),
    })),
  );
  const spec = chartsFor(table.names).find(({ id }) => id === 'ex') ?? chartsFor([])[0]!;
  const state = { table, smooth, updates: 2000, colours: {} as PlotColours };
  return { table, plotted: plotData(spec, state, PIXELS) };
}

describe('plotData', () => {
  it('spans the run before there is anything to draw', () => {
    const { plotted } = data(0, true);
    expect(plotted[0]).toEqual([0, 2000]);
    for (const column of plotted.slice(1)) expect(column).toEqual([null, null]);
  });

  it('hands on the columns of a short run as they are', () => {
    const { table, plotted } = data(50, true);
    expect(plotted[0]).toBe(table.steps);
    expect(plotted).toContain(table.raw('sql/ex'));
    expect(plotted).toContain(table.smooth('sql/ex'));
    expect(plotted).toContain(table.raw('eval/ex'));
  });

  it('never has more points than the plot has pixels, and keeps a spike', () => {
    const { plotted } = data(2000, true);
    for (const column of plotted) expect(column.length).toBe(plotted[0].length);
    expect(plotted[0].length).toBeLessThanOrEqual(PIXELS);
    expect(plotted.some((column, i) => i > 0 && Array.from(column).includes(1))).toBe(true);
  });

  it('leaves the smoothed line out when it is not wanted', () => {
    const { table, plotted } = data(50, false);
    expect(plotted).not.toContain(table.smooth('sql/ex'));
    expect(plotted).toHaveLength(1 + 2 + 1);
  });
});
