/** How an experiment was set up, for its report: starts, learning rates, seeds, costs. */
import { mean } from '../../core/evaluate/statistics.ts';
import { duration } from '../progress.ts';
import type { Block } from './document.ts';
import { chooseRate, planSeeds } from './plan.ts';
import { heading, scaled, withNumbers, type ReportInputs } from './report-parts.ts';
import type { ModelResult } from './result.ts';

export function rateBlocks({ experiment, trials }: ReportInputs): Block[] {
  const rates = experiment.trials?.rates ?? [];
  const chosenRates = experiment.arms.flatMap(({ name }) => {
    const chosen = chooseRate(trials.filter(({ arm }) => arm === name));
    return chosen ? [{ name, chosen }] : [];
  });
  const rows = chosenRates.map(({ name, chosen }) => {
    const cells = rates.map((rate) => {
      const tried = chosen.tried.find((t) => t.rate === rate);
      return tried ? `${scaled('ex', tried.ex)}${tried.rate === chosen.rate ? ' *' : ''}` : '–';
    });
    return [name, ...cells];
  });
  if (rows.length === 0) return [];
  const highest = chosenRates.filter(({ chosen }) => chosen.rate === Math.max(...rates));
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
    ...atTheEdge(highest.map(({ name }) => name)),
  ];
}

/** A best rate that is the highest tried may not be the best there is. */
function atTheEdge(arms: readonly string[]): Block[] {
  if (arms.length === 0) return [];
  return [
    {
      is: 'text',
      text: `At the highest rate tried: ${arms.join(', ')}. A higher one may be better.`,
    },
  ];
}

export function seedBlocks({ experiment, runs, warm, maxSeeds }: ReportInputs): Block[] {
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
        'correction. So few seeds tell a deviation only roughly. ' +
        (plan.capped ? `More than ${maxSeeds} were not affordable: ${plan.seeds} were run.` : ''),
    },
  ];
}

export function costBlocks({ experiment, runs }: ReportInputs): Block[] {
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

/** Numbers of a report, those within its parts by `part.name`. */
function numbersOf(report: Record<string, unknown>, prefix = ''): Map<string, number> {
  const found = new Map<string, number>();
  for (const [name, value] of Object.entries(report)) {
    if (typeof value === 'number') found.set(prefix + name, value);
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const inner = numbersOf(value as Record<string, unknown>, `${prefix}${name}.`);
      for (const [key, number] of inner) found.set(key, number);
    }
  }
  return found;
}

/** Models of the seeds that the tables have, each measure as mean and interval over them. */
function modelTable(
  title: string,
  models: readonly ModelResult[],
  seeds: ReadonlySet<number>,
  shown: (name: string) => boolean,
): Block[] {
  const used = models.filter(({ seed, missed }) => seeds.has(seed) && missed.length === 0);
  const numbers = used.map(({ report }) => numbersOf(report));
  const names = [...new Set(numbers.flatMap((each) => [...each.keys()]))].filter(shown);
  if (names.length === 0) return [];
  const rows = names.map((name) => {
    const values = numbers.flatMap((each) => each.get(name) ?? []);
    return [name.replace('scores.', ''), withNumbers(values)];
  });
  const caption = `${title}: means over ${used.length} seeds with 95 % t-intervals, shares as fractions`;
  return [{ is: 'table', head: ['measure', 'value'], rows, caption }];
}

/** Not measures of the policy. */
const SETTINGS = new Set(['nursery_version', 'seed', 'questions', 'sharpness', 'adjustment']);

export function modelBlocks({ runs, warm, prm }: ReportInputs): Block[] {
  const seeds = new Set(runs.map(({ seed }) => seed));
  const tables = [
    ...modelTable('Warm starts on dev', warm, seeds, (name) => !SETTINGS.has(name)),
    ...modelTable('Process reward models on held-out questions', prm, seeds, (name) =>
      name.startsWith('scores.'),
    ),
  ];
  return tables.length > 0 ? [heading('Where the arms start'), ...tables] : [];
}
