/** The table as cells, as text for a terminal and as Markdown. */
import { NEW_TOKENS, PLAIN_NEW_TOKENS, SAMPLES } from './shapes.ts';
import type { BenchTable, Line } from './table.ts';

export const MISSING = '–';

/** Three digits that matter: 798, 19.1k, 1.43M. */
export function rate(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return MISSING;
  for (const [unit, name] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= 0.9995 * unit) return `${digits(value / unit)}${name}`;
  }
  return digits(value);
}

const digits = (value: number): string =>
  value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);

const count = (value: number): string => (value < 1000 ? value.toFixed(0) : rate(value));

/** A rival's rate, with ours over it. */
function against({ rates }: Line, who: string): string {
  const theirs = rates[who];
  return theirs === undefined ? MISSING : `${rate(theirs)} (${digits(rates['ours']! / theirs)}×)`;
}

interface Column {
  head: string;
  of: (line: Line) => string;
}

function columnsOf({ peers }: BenchTable): Column[] {
  const both = (head: string, of: (observed: Line['observed']['ours']) => string): Column => ({
    head,
    of: ({ observed: { ours, plain } }) => `${of(ours)} / ${plain ? of(plain) : MISSING}`,
  });
  return [
    { head: 'd', of: ({ size }) => String(size) },
    { head: 'parameters', of: ({ parameters }) => rate(parameters) },
    { head: 'tokens/s of', of: ({ task }) => task },
    { head: 'ours', of: ({ rates }) => rate(rates['ours']) },
    { head: 'plain tfjs', of: (line) => against(line, 'plain') },
    ...peers.map(({ id, label }) => ({ head: label, of: (line: Line) => against(line, id) })),
    { head: 'of matmul', of: ({ limitShare }) => `${(100 * limitShare).toFixed(0)} %` },
    both('launches', ({ launches }) => count(launches)),
    both('MB moved', ({ bytes }) => digits(bytes / 1e6)),
    both('peak MB', ({ peakBytes }) => digits(peakBytes / 1e6)),
  ];
}

/** Heads and cells. */
export function cellsOf(table: BenchTable): { heads: string[]; rows: string[][] } {
  const columns = columnsOf(table);
  return {
    heads: columns.map(({ head }) => head),
    rows: table.lines.map((line) => columns.map(({ of }) => of(line))),
  };
}

/** What the columns mean; then the table's own notes. */
export function notesOf({ backend, matmul, lines, notes }: BenchTable): string[] {
  const left = lines.filter(({ rates }) => rates['plain'] === undefined);
  const sizes = [...new Set(left.map(({ size }) => size))].join(', ');
  return [
    `Backend ${backend}; its best product of matrices: ${digits(matmul)} GFLOP/s at the start. “of matmul” is our share of what that product reaches in the same turns.`,
    `(×) is ours over theirs, in turns on the same input: ${SAMPLES} samples of each of 4 prompts up to d = 128, of 2 at 192, of 1 beyond. A step is packed, with clipping and AdamW; its rate counts every prompt once. Decoding is of ${NEW_TOKENS} tokens, with plain tfjs of ${PLAIN_NEW_TOKENS}.`,
    'Launches (of kernels) and megabytes they move are ours / plain tfjs: per step, per reading of the prompts, and per token that all samples get. Peak is of tensors, parameters and optimiser included.',
    ...(left.length > 0
      ? [`Plain tfjs is left out at d = ${sizes}, where a step takes it minutes.`]
      : []),
    ...notes,
  ];
}

export function asText(table: BenchTable): string {
  const { heads, rows } = cellsOf(table);
  const widths = heads.map((_, i) => Math.max(...[heads, ...rows].map((row) => row[i]!.length)));
  const aligned = [heads, ...rows].map((row) =>
    row
      .map((cell, i) => (i === 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  return [...aligned, '', ...notesOf(table)].join('\n');
}

export function asMarkdown(table: BenchTable): string {
  const { heads, rows } = cellsOf(table);
  const rule = heads.map((_, i) => (i === 2 ? '---' : '--:'));
  const lines = [heads, rule, ...rows].map((row) => `| ${row.join(' | ')} |`);
  return `${lines.join('\n')}\n\n${notesOf(table)
    .map((note) => `- ${note}`)
    .join('\n')}\n`;
}
