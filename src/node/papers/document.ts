/** A report as blocks, written as Markdown and as one HTML page that needs nothing else. */
import {
  escapeHtml,
  lineChart,
  REPORT_STYLE,
  reportPage,
  type ChartLine,
} from '../../core/recipe/chart.ts';

export type Block =
  | { is: 'heading'; text: string; level?: 2 | 3 }
  /** May hold `code` and **bold**. */
  | { is: 'text'; text: string }
  | { is: 'list'; items: readonly string[] }
  | { is: 'table'; head: readonly string[]; rows: readonly (readonly string[])[]; caption?: string }
  /** In the page only: Markdown has the tables. */
  | { is: 'chart'; title: string; lines: readonly ChartLine[] }
  | { is: 'code'; text: string };

const cell = (text: string): string => text.replaceAll('|', '\\|');

const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;

function markdownOf(block: Block): string {
  switch (block.is) {
    case 'heading':
      return `${'#'.repeat(block.level ?? 2)} ${block.text}`;
    case 'text':
      return block.text;
    case 'list':
      return block.items.map((item) => `- ${item}`).join('\n');
    case 'table': {
      const rule = `|${block.head.map(() => '---|').join('')}`;
      const lines = [row(block.head), rule, ...block.rows.map(row)];
      return [...(block.caption ? [block.caption, ''] : []), ...lines].join('\n');
    }
    case 'code':
      return `\`\`\`sh\n${block.text}\n\`\`\``;
    case 'chart':
      return '';
  }
}

export const toMarkdown = (title: string, blocks: readonly Block[]): string =>
  `${[`# ${title}`, ...blocks.map(markdownOf)].filter((text) => text !== '').join('\n\n')}\n`;

/** Escaped, with `code` and **bold**. */
const inline = (text: string): string =>
  escapeHtml(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]+)\*\*/g, '<b>$1</b>');

function htmlOf(block: Block): string {
  switch (block.is) {
    case 'heading': {
      const tag = `h${block.level ?? 2}`;
      return `<${tag}>${inline(block.text)}</${tag}>`;
    }
    case 'text':
      return `<p>${inline(block.text)}</p>`;
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${inline(item)}</li>`).join('')}</ul>`;
    case 'table': {
      const caption = block.caption ? `<p class="caption">${inline(block.caption)}</p>\n` : '';
      const label = escapeHtml(block.caption ?? `table of ${block.head[0] || 'results'}`);
      const head = block.head.map((text) => `<th scope="col">${inline(text)}</th>`).join('');
      const body = block.rows.map(([first = '', ...rest]) => {
        const cells = rest.map((text) => `<td>${inline(text)}</td>`).join('');
        return `<tr><th scope="row">${inline(first)}</th>${cells}</tr>`;
      });
      // Focusable: a wide table is scrolled by keyboard too.
      return `${caption}<div class="wide" tabindex="0" role="region" aria-label="${label}"><table><thead><tr>${head}</tr></thead><tbody>
${body.join('\n')}</tbody></table></div>`;
    }
    case 'code':
      return `<pre>${escapeHtml(block.text)}</pre>`;
    case 'chart':
      return lineChart(block.title, block.lines);
  }
}

const STYLE = `${REPORT_STYLE}
.wide{overflow-x:auto;margin:1rem 0}table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
.caption{color:var(--quiet);font-size:13px;margin:1rem 0 -.5rem}
th,td{padding:.25rem .7rem .25rem 0;text-align:right;white-space:nowrap;vertical-align:top}
th:first-child{text-align:left;font-weight:600;white-space:normal;min-width:8rem}
thead th{border-bottom:1px solid var(--quiet);font-weight:600;white-space:normal;vertical-align:bottom}
pre{padding:.6rem .8rem;border:1px solid color-mix(in srgb,currentColor 20%,transparent);border-radius:.3rem}`;

/** Charts that follow each other stand side by side where there is room. */
export function toHtml(title: string, blocks: readonly Block[]): string {
  const parts: string[] = [`<h1>${escapeHtml(title)}</h1>`];
  blocks.forEach((block, i) => {
    const opens = block.is === 'chart' && blocks[i - 1]?.is !== 'chart';
    const closes = block.is === 'chart' && blocks[i + 1]?.is !== 'chart';
    parts.push(
      `${opens ? '<div class="charts">\n' : ''}${htmlOf(block)}${closes ? '\n</div>' : ''}`,
    );
  });
  return reportPage(title, STYLE, parts.join('\n'));
}
