/** Line charts as SVG inside HTML that needs nothing else, for report pages. */

const WIDTH = 320;
const HEIGHT = 120;

/** Lines with colours of their own; more go round again, dashed. */
const COLOURS = 8;

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (c) => ESCAPES[c]!);

const short = (value: number): string =>
  Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));

export interface ChartPoint {
  x: number;
  /** A value that is no number interrupts the line. */
  y: number;
  /** Of a band around the line, for instance an interval over seeds. */
  low?: number;
  high?: number;
}

export interface ChartLine {
  /** For the legend, which a single line goes without. */
  name: string;
  points: readonly ChartPoint[];
  /** Which colour it has, from 0, to be the same in several charts; by default by its place. */
  colour?: number;
}

interface Scales {
  x: (value: number) => string;
  y: (value: number) => string;
}

function linePath(points: readonly ChartPoint[], { x, y }: Scales): string {
  let path = '';
  let drawing = false;
  for (const point of points) {
    if (Number.isFinite(point.y)) {
      // The empty stroke after a start shows a value with no neighbour as a dot.
      const at = `${x(point.x)} ${y(point.y)}`;
      path += drawing ? `L${at}` : `M${at}h0`;
    }
    drawing = Number.isFinite(point.y);
  }
  return path;
}

const hasBand = ({ low, high }: ChartPoint): boolean =>
  Number.isFinite(low) && Number.isFinite(high);

function bandPath(points: readonly ChartPoint[], { x, y }: Scales): string {
  const known = points.filter(hasBand);
  if (known.length < 2) return '';
  const upper = known.map((point) => `${x(point.x)} ${y(point.high!)}`);
  const lower = known.map((point) => `${x(point.x)} ${y(point.low!)}`).reverse();
  return `M${[...upper, ...lower].join('L')}Z`;
}

const classOf = (index: number): string =>
  `line c${index % COLOURS}${index >= COLOURS ? ' dashed' : ''}`;

/**
 * Lines over a common axis, scaled to what they and their bands hold. Empty text when no line has a value.
 *
 * @param axis what x counts
 */
export function lineChart(title: string, lines: readonly ChartLine[], axis = 'update'): string {
  const points = lines.flatMap((line) => line.points);
  const values = points
    .flatMap((point) => [point.y, point.low ?? NaN, point.high ?? NaN])
    .filter(Number.isFinite);
  if (values.length === 0) return '';
  const xs = points.map(({ x }) => x);
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const first = xs.reduce((a, b) => Math.min(a, b));
  const last = xs.reduce((a, b) => Math.max(a, b));
  const scales: Scales = {
    x: (value) => (((value - first) / (last - first || 1)) * WIDTH).toFixed(1),
    y: (value) => (HEIGHT - ((value - low) / (high - low || 1)) * HEIGHT).toFixed(1),
  };
  const ends = lines.map(({ points: own }) => own.findLast(({ y }) => Number.isFinite(y))?.y);
  const single = lines.length === 1;
  const range = `${short(low)} to ${short(high)}${single ? `, last ${short(ends[0]!)}` : ''}`;
  const name = escapeHtml(title);
  const bands = lines.map(({ points: own, colour }, i) => {
    const band = bandPath(own, scales);
    return band && `<path class="band c${(colour ?? i) % COLOURS}" d="${band}"/>`;
  });
  const drawn = lines.map(
    ({ points: own, colour }, i) =>
      `<path class="${classOf(colour ?? i)}" d="${linePath(own, scales)}"/>`,
  );
  const legend = lines.map(
    (line, i) =>
      `<li><svg viewBox="0 0 16 4" aria-hidden="true"><path class="${classOf(line.colour ?? i)}" d="M0 2H16"/></svg>${escapeHtml(line.name)} ${ends[i] === undefined ? '–' : short(ends[i])}</li>`,
  );
  return `<figure><figcaption>${name}<span>${range}</span></figcaption>
<svg viewBox="-4 -4 ${WIDTH + 8} ${HEIGHT + 8}" role="img" aria-label="${name}: ${range}">
<path class="axis" d="M0 0V${HEIGHT}H${WIDTH}"/>${bands.join('')}${drawn.join('')}</svg>
<p>${axis} ${first} to ${last}</p>${single ? '' : `\n<ul class="legend">${legend.join('')}</ul>`}</figure>`;
}

/** What report pages share: light and dark, wide and narrow. */
export const REPORT_STYLE = `:root{color-scheme:light dark;--quiet:#667;--c0:#2f6fde;--c1:#c2500a;--c2:#0a7d52;--c3:#a12c8f;--c4:#8a6d00;--c5:#0a7f93;--c6:#b3261e;--c7:#5b5b66}
@media(prefers-color-scheme:dark){:root{--quiet:#99a;--c0:#7ab0ff;--c1:#ff9d5c;--c2:#5fd3a2;--c3:#e38fd5;--c4:#e0c04d;--c5:#62cfe0;--c6:#ff8f85;--c7:#b9b9c4}}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
code,pre{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap;margin:0}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(18rem,100%),1fr));gap:1.25rem;align-items:end}
figure{margin:0}figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;column-gap:1rem;font-weight:600}
figcaption span,figure p,dt{color:var(--quiet);font-weight:400;font-size:13px;margin:0}
svg{width:100%}path{fill:none;vector-effect:non-scaling-stroke}
.axis{stroke:var(--quiet);stroke-opacity:.5}.line{stroke:var(--c);stroke-width:2;stroke-linecap:round}
.dashed{stroke-dasharray:5 4}.band{fill:var(--c);fill-opacity:.14}
${Array.from({ length: COLOURS }, (_, i) => `.c${i}{--c:var(--c${i})}`).join('')}
.legend{display:flex;flex-wrap:wrap;gap:0 .9rem;list-style:none;margin:0;padding:0;font-size:13px}
.legend svg{width:1rem;height:.25rem;margin-right:.35rem;vertical-align:middle}`;

/** A page of its own: no address is asked for anything, no script runs. */
export const reportPage = (title: string, style: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title><style>${style}</style></head><body>
${body}
</body></html>
`;
