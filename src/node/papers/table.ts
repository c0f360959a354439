/** Result files of an experiment as a Markdown page: means over seeds with 95 % t-intervals. */
import { pairedInterval, tInterval } from '../../core/evaluate/statistics.ts';
import type { Experiment } from './experiment.ts';
import type { PieceResult, SplitResult } from './piece.ts';

const percent = (x: number): string => (100 * x).toFixed(1);

function withInterval(values: readonly number[]): string {
  if (values.length === 0) return '–';
  if (values.length === 1) return percent(values[0]!);
  const { mean, low, high } = tInterval(values);
  return `${percent(mean)} [${percent(low)}, ${percent(high)}]`;
}

type Column = [title: string, of: (split: SplitResult) => number | null];

const COLUMNS: Column[] = [
  ['EX', (s) => s.ex],
  ['TS', (s) => s.ts],
  ['failing', (s) => s.error],
  ['failing, T = 1', (s) => s.samples?.error_rate ?? null],
  ['empty', (s) => s.empty],
  ['over-broad', (s) => s.over_broad],
  ['pass@1', (s) => s.samples?.pass_at_1 ?? null],
  ['maj@8', (s) => s.samples?.majority_at_k ?? null],
  ['pass@8', (s) => s.samples?.pass_at_k ?? null],
];

function splitTable(
  experiment: Experiment,
  results: readonly PieceResult[],
  split: string,
): string[] {
  const lines = [
    `### ${split}`,
    '',
    `| arm | seeds | ${COLUMNS.map(([title]) => title).join(' | ')} | EX gain |`,
    `|---|---|${COLUMNS.map(() => '---|').join('')}---|`,
  ];
  const of = (arm: string): PieceResult[] =>
    results.filter((r) => r.arm === arm && r.splits[split]).sort((a, b) => a.seed - b.seed);
  const base = of('warm-start');
  for (const { name } of experiment.arms) {
    const pieces = of(name);
    if (pieces.length === 0) continue;
    const cells = COLUMNS.map(([, value]) =>
      withInterval(pieces.map((p) => value(p.splits[split]!)).filter((x) => x !== null)),
    );
    const pairs = pieces.flatMap((p) => {
      const start = base.find(({ seed }) => seed === p.seed);
      return start ? [[p.splits[split]!.ex, start.splits[split]!.ex] as const] : [];
    });
    const gain = pairs.length > 1 ? pairedGain(pairs) : '–';
    lines.push(
      `| ${name} | ${pieces.length} | ${cells.join(' | ')} | ${name === 'warm-start' ? '' : gain} |`,
    );
  }
  return [...lines, ''];
}

function pairedGain(pairs: readonly (readonly [number, number])[]): string {
  const { mean, low, high } = pairedInterval(
    pairs.map(([after]) => after),
    pairs.map(([, before]) => before),
  );
  const signed = (x: number): string => `${x >= 0 ? '+' : ''}${percent(x)}`;
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
}

export function resultsMarkdown(
  experiment: Experiment,
  results: readonly PieceResult[],
  command: string,
): string {
  const splits = [...new Set(results.flatMap((r) => Object.keys(r.splits)))];
  const seconds = experiment.arms
    .map(({ name }) => [name, results.filter((r) => r.arm === name && r.updates > 0)] as const)
    .filter(([, pieces]) => pieces.length > 0)
    .map(([name, pieces]) => {
      const longest = Math.max(...pieces.map((p) => p.seconds));
      return `| ${name} | ${pieces[0]!.updates} | ${Math.round(longest)} s |`;
    });
  return [
    `# ${experiment.title}`,
    '',
    `Made by \`${command}\`. Percent; means over seeds with 95 % t-intervals; EX is BIRD's greedy`,
    'execution accuracy, TS Test-Suite accuracy on five row variants, failing is the share of greedy',
    'answers that do not execute; EX gain is paired with the same seed’s warm start.',
    '',
    ...experiment.arms.map(({ name, description }) => `- **${name}**: ${description}`),
    '',
    ...splits.flatMap((split) => splitTable(experiment, results, split)),
    '### Training time, longest seed',
    '',
    '| arm | updates | time |',
    '|---|---|---|',
    ...seconds,
    '',
  ].join('\n');
}
