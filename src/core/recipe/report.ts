/** report.html: one page about a run that needs nothing else, readable in light and dark. */
import type { EpisodeLine, MetricsLine } from '../train/run-store.ts';
import { recipeHash } from './canonical.ts';
import { escapeHtml, lineChart, REPORT_STYLE, reportPage } from './chart.ts';
import { encodeLink } from './link.ts';
import type { Recipe } from './schema.ts';

/** Episodes shown: the last ones. */
export const REPORT_EPISODES = 20;

/** Lists longer than this are token ids and their like: left to episodes.jsonl. */
const LONG_LIST = 16;

function charts(metrics: readonly MetricsLine[]): string {
  const names = new Set(metrics.flatMap((line) => Object.keys(line)));
  names.delete('step');
  const drawn: string[] = [];
  for (const name of names) {
    const points = metrics
      .filter((line) => name in line)
      .map((line) => ({ x: line.step, y: line[name]! }));
    drawn.push(lineChart(name, [{ name, points }]));
  }
  return drawn.filter((chart) => chart !== '').join('\n');
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

const STYLE = `${REPORT_STYLE}
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
  const body = `<h1>StepSQL run “${escapeHtml(recipe.name)}”</h1>
<p>Seed ${recipe.seed}, run <code>${recipeHash(recipe)}</code>. Share or repeat it with<br>
<code>${escapeHtml(encodeLink(recipe))}</code></p>
<h2>Metrics</h2>
${drawn ? `<div class="charts">${drawn}</div>` : '<p>No update has finished yet.</p>'}
<h2>Last episodes</h2>
${last.length > 0 ? last.map(episode).join('\n') : '<p>None were recorded.</p>'}
<h2>Recipe</h2>
<pre>${escapeHtml(JSON.stringify(recipe, null, 2))}</pre>`;
  return reportPage(`StepSQL run ${recipe.name}`, STYLE, body);
}
