/** What an experiment found, beside what the paper says: blocks of a report from its result files. */
import { mean, tInterval } from '../../core/evaluate/statistics.ts';
import type { ChartLine } from '../../core/recipe/chart.ts';
import { duration } from '../progress.ts';
import { contrastResults, type ContrastResult } from './contrast.ts';
import type { Block } from './document.ts';
import { SPLITS, type Experiment } from './experiment.ts';
import { measured, METRICS, type MetricName } from './metrics.ts';
import { chooseRate, planSeeds } from './plan.ts';
import type { RunResult, TrialResult, WarmResult } from './result.ts';

export interface ReportInputs {
  experiment: Experiment;
  runs: readonly RunResult[];
  heldout: readonly RunResult[];
  trials: readonly TrialResult[];
  warm: readonly WarmResult[];
  /** Commands that make everything anew. */
  commands: readonly string[];
  maxSeeds: number;
}

export function reportBlocks(inputs: ReportInputs): Block[] {
  const { experiment } = inputs;
  return [
    ...paperBlocks(experiment),
    ...armBlocks(experiment),
    ...contrastBlocks(inputs),
    ...tableBlocks(inputs),
    ...curveBlocks(inputs),
    ...rateBlocks(inputs),
    ...seedBlocks(inputs),
    ...costBlocks(inputs),
    ...listBlocks('What was tried', experiment.tried),
    ...listBlocks('Remarks', experiment.remarks),
    heading('Made by'),
    { is: 'code', text: inputs.commands.join('\n') },
  ];
}

const heading = (text: string, level: 2 | 3 = 2): Block => ({ is: 'heading', text, level });

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

const scaled = (metric: MetricName, value: number): string =>
  METRICS[metric].unit === 'percent' ? (100 * value).toFixed(1) : value.toFixed(3);

const signed = (metric: MetricName, value: number): string =>
  `${value >= 0 ? '+' : '−'}${scaled(metric, Math.abs(value))}`;

function withInterval(metric: MetricName, values: readonly number[]): string {
  if (values.length === 0) return '–';
  const { mean: centre, low, high } = tInterval(values);
  const shown = scaled(metric, centre);
  if (values.length === 1) return shown;
  return `${shown} [${scaled(metric, low)}, ${scaled(metric, high)}]`;
}

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
  const held = [...heldout, ...runs.filter((run) => run.splits[SPLITS.heldout])];
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
    const lines = experiment.arms
      .map(({ name }) => ({
        name,
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

function rateBlocks({ experiment, trials }: ReportInputs): Block[] {
  const rates = experiment.trials?.rates ?? [];
  const rows = experiment.arms.flatMap(({ name }) => {
    const chosen = chooseRate(trials.filter(({ arm }) => arm === name));
    if (!chosen) return [];
    const cells = rates.map((rate) => {
      const tried = chosen.tried.find((t) => t.rate === rate);
      return tried ? `${scaled('ex', tried.ex)}${tried.rate === chosen.rate ? ' *' : ''}` : '–';
    });
    return [[name, ...cells]];
  });
  if (rows.length === 0) return [];
  return [
    heading('Learning rates'),
    {
      is: 'table',
      head: ['arm', ...rates.map(String)],
      rows,
      caption:
        `Greedy EX on tuning questions, mean of ${experiment.trials!.seeds} tuning seeds that no table uses; ` +
        '* chosen (of equals the smallest). A run that diverged counts as 0.',
    },
  ];
}

function seedBlocks({ experiment, runs, warm, maxSeeds }: ReportInputs): Block[] {
  const seeds = [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b);
  if (seeds.length === 0) return [];
  const refused = warm.filter(({ missed }) => missed.length > 0);
  const blocks: Block[] = [
    heading('Seeds'),
    { is: 'text', text: `Seeds ${seeds.join(', ')}: each is its own warm start and randomness.` },
  ];
  if (refused.length > 0) {
    blocks.push({
      is: 'list',
      items: refused.map(({ seed, missed }) => `Seed ${seed} was refused: ${missed.join('; ')}`),
    });
  }
  if (experiment.pilot === null) return blocks;
  const first = seeds.slice(0, experiment.pilot);
  const pilot = runs.filter(({ seed }) => first.includes(seed));
  const plan = planSeeds(experiment, pilot, maxSeeds);
  if (plan.contrasts.length === 0) return blocks;
  return [
    ...blocks,
    {
      is: 'table',
      head: ['contrast', 'deviation of the pilot', 'to be found', 'seeds'],
      rows: plan.contrasts.map(({ contrast, std, effect, seeds: needed }) => {
        const { metric } = experiment.contrasts.find(({ name }) => name === contrast)!.a;
        const shown = [std, effect].map((value) => scaled(metric, value));
        return [contrast, ...shown, String(needed)];
      }),
      caption: `From the first ${experiment.pilot} seeds, which stay in the tables.`,
    },
    {
      is: 'text',
      text:
        'Seeds are the smallest n for which the power of the paired t-test, from the noncentral t (Cohen 1988; ' +
        'R’s power.t.test), is .8 at α = .05 over the number of named contrasts, the strictest level of Holm’s ' +
        'correction. Four seeds tell a deviation only roughly. ' +
        (plan.capped ? `More than ${maxSeeds} were not affordable: ${plan.seeds} were run.` : ''),
    },
  ];
}

function costBlocks({ experiment, runs }: ReportInputs): Block[] {
  const rows = experiment.arms.flatMap(({ name }) => {
    const own = runs.filter((run) => run.arm === name && run.updates > 0);
    if (own.length === 0) return [];
    const costs = own.flatMap((run) => run.costs ?? []);
    const average = (of: (cost: (typeof costs)[number]) => number): string =>
      costs.length > 0 ? Math.round(mean(costs.map(of))).toLocaleString('en') : '–';
    const pull = own
      .flatMap((run) => run.curve?.metrics['advantages/mean_abs'] ?? [])
      .filter((value) => value !== null);
    const seconds = own.map((run) => run.seconds);
    const failed = own.filter((run) => run.failed !== undefined).length;
    return [
      [
        ...[name, String(own[0]!.updates)],
        ...[average((c) => c.episodes), average((c) => c.tokens), average((c) => c.queries)],
        ...[duration(mean(seconds)), duration(Math.max(...seconds))],
        ...[pull.length > 0 ? mean(pull).toFixed(3) : '–', String(failed)],
      ],
    ];
  });
  if (rows.length === 0) return [];
  return [
    heading('Costs'),
    {
      is: 'table',
      head: [
        ...['arm', 'updates', 'episodes', 'tokens written', 'queries'],
        ...['time', 'longest', 'mean |advantage|', 'diverged'],
      ],
      rows,
      caption: 'Means over seeds; time is of training alone.',
    },
  ];
}
