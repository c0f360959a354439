/** What an experiment found, beside what the paper says: blocks of a report from its result files. */
import { tInterval } from '../../core/evaluate/statistics.ts';
import type { ChartLine } from '../../core/recipe/chart.ts';
import { contrastResults, type ContrastResult } from './contrast.ts';
import type { Block } from './document.ts';
import { SPLITS, trainedArms, type Experiment } from './experiment.ts';
import { measured, METRICS } from './metrics.ts';
import { heading, scaled, signed, withInterval, type ReportInputs } from './report-parts.ts';
import { costBlocks, modelBlocks, rateBlocks, seedBlocks } from './report-setup.ts';
import type { RunResult } from './result.ts';

export function reportBlocks(inputs: ReportInputs): Block[] {
  const { experiment } = inputs;
  return [
    ...paperBlocks(experiment),
    ...armBlocks(experiment),
    ...contrastBlocks(inputs),
    ...tableBlocks(inputs),
    ...curveBlocks(inputs),
    ...modelBlocks(inputs),
    ...rateBlocks(inputs),
    ...seedBlocks(inputs),
    ...costBlocks(inputs),
    ...listBlocks('What was tried', experiment.tried),
    ...listBlocks('Remarks', [
      ...(experiment.remarks ?? []),
      ...(experiment.findings?.(inputs.runs) ?? []),
    ]),
    heading('Made by'),
    { is: 'code', text: inputs.commands.join('\n') },
  ];
}

const listBlocks = (title: string, items: readonly string[] = []): Block[] =>
  items.length > 0 ? [heading(title), { is: 'list', items }] : [];

function paperBlocks({ paper }: Experiment): Block[] {
  if (!paper) return [];
  return [
    { is: 'text', text: `**${paper.title}** (arXiv ${paper.arxiv}). ${paper.claim}` },
    ...(paper.published.length > 0 ? [heading('Published')] : []),
    ...paper.published.map((table): Block => ({ is: 'table', ...table })),
  ];
}

const armBlocks = ({ arms }: Experiment): Block[] => [
  heading('Arms'),
  {
    is: 'list',
    items: arms.map(
      ({ name, description, exploratory }) =>
        `**${name}**: ${description}${exploratory ? ' (exploratory)' : ''}`,
    ),
  },
];

const p = (value: number): string =>
  Number.isNaN(value) ? '–' : value < 0.001 ? '< .001' : value.toFixed(3).replace(/^0/, '');

function claimText({ contrast: { claim, a } }: ContrastResult): string {
  if (claim.is === 'not-worse') return `not worse by more than ${scaled(a.metric, claim.margin)}`;
  if (typeof claim.effect === 'number') return 'better';
  return `better by at least ${Math.round(100 * claim.effect.relative)} %`;
}

function contrastRow(result: ContrastResult): string[] {
  const { contrast, differences, interval, relative, holds } = result;
  const { metric } = contrast.a;
  const difference = !interval
    ? '–'
    : differences.length === 1
      ? signed(metric, interval.mean)
      : `${signed(metric, interval.mean)} [${signed(metric, interval.low)}, ${signed(metric, interval.high)}]`;
  const share = Number.isFinite(relative) ? `${(100 * relative).toFixed(0)} %` : '–';
  const verdict = holds === undefined ? 'not measured yet' : holds ? 'holds' : 'does not hold';
  return [
    ...[contrast.name, METRICS[metric].title, claimText(result), String(differences.length)],
    ...[difference, share, p(result.p), p(result.holm), verdict],
  ];
}

function contrastBlocks({ experiment, runs }: ReportInputs): Block[] {
  if (experiment.contrasts.length === 0) return [];
  const results = contrastResults(experiment, runs);
  return [
    heading('Named contrasts'),
    {
      is: 'table',
      head: ['contrast', 'of', 'claim', 'seeds', 'difference', 'of b', 'p', 'Holm', 'verdict'],
      rows: results.map(contrastRow),
      caption:
        'On dev; differences are paired by seed and turned so that + is better for the first arm; 95 % ' +
        't-intervals over seeds.',
    },
    {
      is: 'text',
      text:
        'p is directional and doubled: below .05 exactly when the 95 % interval lies on the claimed side of ' +
        'the bound (0, or minus the margin). Holm’s correction is over all named contrasts; a contrast holds ' +
        'when its adjusted p is below .05 and, where a share is claimed, the mean difference is that large.',
    },
  ];
}

function splitTable({ experiment }: ReportInputs, runs: readonly RunResult[], split: string) {
  const present = runs.filter((run) => run.splits[split]);
  if (present.length === 0) return [];
  const metrics = experiment.metrics.filter((name) =>
    present.some((run) => measured(name, run.splits[split]) !== undefined),
  );
  const base = present.filter(({ arm }) => arm === untrained(experiment));
  const rows = experiment.arms.flatMap((arm) => {
    const own = present.filter((run) => run.arm === arm.name);
    if (own.length === 0) return [];
    const cells = metrics.map((name) =>
      withInterval(
        name,
        own.map((run) => measured(name, run.splits[split])).filter((x) => x !== undefined),
      ),
    );
    const gains = own.flatMap((run) => {
      const start = base.find(({ seed }) => seed === run.seed);
      return start ? [run.splits[split]!.ex - start.splits[split]!.ex] : [];
    });
    const gain = arm.preset === null || gains.length < 2 ? '' : pairedGain(gains);
    return [[arm.name, String(own.length), ...cells, gain]];
  });
  const head = ['arm', 'seeds', ...metrics.map((name) => METRICS[name].title), 'EX gain'];
  return [heading(split, 3), { is: 'table', head, rows }] satisfies Block[];
}

const untrained = ({ arms }: Experiment): string | undefined =>
  arms.find(({ preset }) => preset === null)?.name;

function pairedGain(gains: readonly number[]): string {
  const { mean: centre, low, high } = tInterval(gains);
  return `${signed('ex', centre)} [${signed('ex', low)}, ${signed('ex', high)}]`;
}

function tableBlocks(inputs: ReportInputs): Block[] {
  const { runs, heldout } = inputs;
  // Experiments of before had both splits in one file.
  const held = heldout.length > 0 ? heldout : runs.filter((run) => run.splits[SPLITS.heldout]);
  return [
    heading('Results'),
    {
      is: 'text',
      text:
        'Percent where no unit is given; means over seeds with 95 % t-intervals. EX is BIRD’s greedy execution ' +
        'accuracy, TS Test-Suite accuracy on five row variants, failing the share of greedy answers that do ' +
        'not execute; EX gain is paired with the same seed’s warm start.',
    },
    ...splitTable(inputs, runs, SPLITS.dev),
    ...splitTable(inputs, held, SPLITS.heldout),
  ];
}

/** Mean over seeds at each update that all of them have, with a 95 % t-band. */
function curveOf(runs: readonly RunResult[], metric: string): ChartLine['points'] {
  const curves = runs.flatMap(({ curve }) => (curve?.metrics[metric] ? [curve] : []));
  const updates = curves[0]?.updates ?? [];
  return updates.flatMap((update, i) => {
    const values = curves
      .filter((curve) => curve.updates[i] === update)
      .map((curve) => curve.metrics[metric]![i])
      .filter((value) => value != null);
    if (values.length === 0) return [];
    const { mean: y, low, high } = tInterval(values);
    return [{ x: update, y, ...(values.length > 1 && { low, high }) }];
  });
}

function curveBlocks({ experiment, runs }: ReportInputs): Block[] {
  const charts = experiment.curves.flatMap((metric): Block[] => {
    const lines = trainedArms(experiment)
      .map(({ name }, colour) => ({
        ...{ name, colour },
        points: curveOf(
          runs.filter(({ arm }) => arm === name),
          metric,
        ),
      }))
      .filter(({ points }) => points.length > 0);
    return lines.length > 0 ? [{ is: 'chart', title: metric, lines }] : [];
  });
  return charts.length > 0 ? [heading('Training'), ...charts] : [];
}
