/** report.html: one page about a run that needs nothing else, readable in light and dark. */
import type { EpisodeLine, MetricsLine } from '../train/run-store.ts';
import { recipeHash } from './canonical.ts';
import { encodeLink } from './link.ts';
import type { Recipe } from './schema.ts';

const WIDTH = 320;
const HEIGHT = 120;
/** Episodes shown: the last ones. */
export const REPORT_EPISODES = 20;

/** Lists longer than this are token ids and their like: left to episodes.jsonl. */
const LONG_LIST = 16;

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (c) => ESCAPES[c]!);

const short = (value: number): string =>
  Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));

interface Point {
  step: number;
  value: number;
}

/** One metric over the updates; a missing value interrupts the line. */
function chart(name: string, points: readonly Point[]): string {
  const known = points.filter(({ value }) => Number.isFinite(value));
  const steps = points.map(({ step }) => step);
  const values = known.map(({ value }) => value);
  const [first, last] = [steps[0]!, steps.at(-1)!];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const x = (step: number) => ((step - first) / (last - first || 1)) * WIDTH;
  const y = (value: number) => HEIGHT - ((value - low) / (high - low || 1)) * HEIGHT;
  let path = '';
  let drawing = false;
  for (const { step, value } of points) {
    if (Number.isFinite(value)) {
      // The empty stroke after a start shows a value with no neighbour as a dot.
      const point = `${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
      path += drawing ? `L${point}` : `M${point}h0`;
    }
    drawing = Number.isFinite(value);
  }
  const title = escapeHtml(name);
  const range = `${short(low)} to ${short(high)}, last ${short(values.at(-1)!)}`;
  return `<figure><figcaption>${title}<span>${range}</span></figcaption>
<svg viewBox="-4 -4 ${WIDTH + 8} ${HEIGHT + 8}" role="img" aria-label="${title}: ${range}">
<path class="axis" d="M0 0V${HEIGHT}H${WIDTH}"/><path class="line" d="${path}"/></svg>
<p>update ${first} to ${last}</p></figure>`;
}

function charts(metrics: readonly MetricsLine[]): string {
  const names = new Set(metrics.flatMap((line) => Object.keys(line)));
  names.delete('step');
  const drawn: string[] = [];
  for (const name of names) {
    const points = metrics
      .filter((line) => name in line)
      .map((line) => ({ step: line.step, value: line[name]! }));
    if (points.some(({ value }) => Number.isFinite(value))) drawn.push(chart(name, points));
  }
  return drawn.join('\n');
}

function shownValue(value: unknown): string {
  if (typeof value === 'string') return `<pre>${escapeHtml(value)}</pre>`;
  const json = JSON.stringify(value, (_key, inner: unknown) =>
    Array.isArray(inner) && inner.length > LONG_LIST ? `${inner.length} values` : inner,
  );
  return `<code>${escapeHtml(json ?? '')}</code>`;
}

function episode(line: EpisodeLine): string {
  const rows = Object.entries(line).map(
    ([key, value]) => `<dt>${escapeHtml(key)}</dt><dd>${shownValue(value)}</dd>`,
  );
  return `<dl>${rows.join('')}</dl>`;
}

const STYLE = `:root{color-scheme:light dark;--line:#2f6fde;--quiet:#667}
@media(prefers-color-scheme:dark){:root{--line:#7ab0ff;--quiet:#99a}}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
code,pre{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap;margin:0}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(18rem,1fr));gap:1.25rem;align-items:end}
figure{margin:0}figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;column-gap:1rem;font-weight:600}
figcaption span,figure p,dt{color:var(--quiet);font-weight:400;font-size:13px;margin:0}
svg{width:100%}path{fill:none;vector-effect:non-scaling-stroke}
.axis{stroke:var(--quiet);stroke-opacity:.5}.line{stroke:var(--line);stroke-width:2;stroke-linecap:round}
dl{display:grid;grid-template-columns:8rem 1fr;gap:.2rem 1rem;margin:0;padding:.8rem 0;border-top:1px solid color-mix(in srgb,currentColor 20%,transparent)}
dd{margin:0}`;

/** @param episodes in order; the last `REPORT_EPISODES` are shown */
export function reportHtml(
  recipe: Recipe,
  metrics: readonly MetricsLine[],
  episodes: readonly EpisodeLine[],
): string {
  const last = episodes.slice(-REPORT_EPISODES);
  const drawn = charts(metrics);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>StepSQL run ${escapeHtml(recipe.name)}</title><style>${STYLE}</style></head><body>
<h1>StepSQL run “${escapeHtml(recipe.name)}”</h1>
<p>Seed ${recipe.seed}, run <code>${recipeHash(recipe)}</code>. Share or repeat it with<br>
<code>${escapeHtml(encodeLink(recipe))}</code></p>
<h2>Metrics</h2>
${drawn ? `<div class="charts">${drawn}</div>` : '<p>No update has finished yet.</p>'}
<h2>Last episodes</h2>
${last.length > 0 ? last.map(episode).join('\n') : '<p>None were recorded.</p>'}
<h2>Recipe</h2>
<pre>${escapeHtml(JSON.stringify(recipe, null, 2))}</pre>
</body></html>
`;
}
