import { describe, expect, it } from 'vitest';
import { contrastResults } from './contrast.ts';
import { toHtml, toMarkdown } from './document.ts';
import { fakeResult, tiny } from './papers.test-helper.ts';
import { finer } from './finer.ts';
import { reportBlocks } from './report.ts';
import type { ReportInputs } from './report-parts.ts';
import type { RunResult, TrialResult, WarmResult } from './result.ts';

const seeds = [0, 1, 3, 4];
const runs = tiny.arms.flatMap(({ name }) =>
  seeds.map((seed) => fakeResult({ stage: 'runs', arm: name, seed }) as RunResult),
);
const inputs: ReportInputs = {
  ...{ experiment: tiny, runs, maxSeeds: 12 },
  heldout: [fakeResult({ stage: 'heldout', arm: 'new', seed: 0 }) as RunResult],
  trials: [1e-4, 2e-4].map(
    (rate) => fakeResult({ stage: 'trials', arm: 'new', seed: 1000, rate }) as TrialResult,
  ),
  warm: [0, 1, 2, 3, 4].map((seed) => fakeResult({ stage: 'warm', seed }) as WarmResult),
  prm: [],
  commands: ['stepsql papers tiny'],
};

describe('contrasts', () => {
  it('are paired by seed, turned to the better side, and corrected together', () => {
    const [better, fails] = contrastResults(tiny, runs);
    expect(better!.differences).toHaveLength(4);
    expect(better!.interval!.mean).toBeGreaterThan(0.09);
    expect(better!.p).toBeLessThan(better!.holm);
    expect(better!.holds).toBe(true);
    // Failing less is better: the difference has its sign turned.
    const [first] = fails!.differences;
    const error = (arm: string) =>
      runs.find((run) => run.arm === arm && run.seed === 0)!.splits['dev']!.error;
    expect(first!.value).toBeCloseTo(error('old') - error('new'), 12);
  });

  it('say nothing of what is not measured', () => {
    expect(contrastResults(tiny, runs.slice(0, 1)).map(({ holds }) => holds)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('ask for a share where one is claimed', () => {
    const claim = (relative: number) =>
      contrastResults(
        {
          ...tiny,
          contrasts: [{ ...tiny.contrasts[0]!, claim: { is: 'better', effect: { relative } } }],
        },
        runs,
      )[0]!;
    expect(claim(0.1)).toMatchObject({ holds: true });
    expect(claim(0.5)).toMatchObject({ holds: false });
    expect(claim(0.1).relative).toBeCloseTo(0.2, 1);
  });
});

describe('the report', () => {
  const markdown = toMarkdown(tiny.title, reportBlocks(inputs));

  it('sets published numbers beside its own, with contrasts, rates, seeds, costs and commands', () => {
    for (const part of [
      '| new | 50.0 |',
      '## Named contrasts',
      '| new > old | EX | better | 4 | +',
      '| no-training | 4 | ',
      '### heldout_schemas',
      '| new | 50.0 | 60.0 * |',
      'At the highest rate tried: new. A',
      'Seed 2 was refused: greedy 0.900',
      '| new > old | 0.',
      '| old | 10 | 1,280 | 9,000 | 1,280 | 2s | 2s | 0.600 | 0 |',
      'stepsql papers tiny',
    ]) {
      expect(markdown).toContain(part);
    }
    expect(markdown).not.toContain('AUC'); // not measured anywhere
  });

  it('is one page that needs nothing else, with curves and bands', () => {
    const html = toHtml(tiny.title, reportBlocks(inputs));
    expect(html).toContain('prefers-color-scheme:dark');
    expect(html).toContain('name="viewport"');
    expect(html).not.toMatch(/(src|href)=|@import|url\(|<script/);
    expect(html.match(/<svg viewBox="-4/g)).toHaveLength(1);
    expect(html.match(/class="band/g)).toHaveLength(3);
    expect(html).toContain('<td>+');
  });

  it('gives an arm the same colour in every chart', () => {
    const second = tiny.arms.filter(({ preset }) => preset !== null)[1]!.name;
    const runs = inputs.runs.map((run) => {
      if (run.arm === second || !run.curve) return run;
      return { ...run, curve: { ...run.curve, metrics: {} } };
    });
    const html = toHtml(tiny.title, reportBlocks({ ...inputs, runs }));
    expect(html).toMatch(/<figcaption>reward<[\s\S]*?class="line c1"/);
    expect(html).not.toMatch(/<figcaption>reward<[\s\S]*?class="line c0"/);
  });

  it('tells where the arms start: of the seeds it shows, and of those accepted', () => {
    const warm = inputs.warm.map((model) => ({
      ...model,
      report: { seed: model.seed, greedy: 0.3 + model.seed / 100, levels: { easy: 0.5 } },
    }));
    const prm = [{ ...inputs.warm[0]!, report: { scores: { auc: 0.8 }, seconds: { train: 9 } } }];
    const markdown = toMarkdown(tiny.title, reportBlocks({ ...inputs, warm, prm }));
    expect(markdown).toContain('| greedy | 0.320 [0.2'); // seeds 0, 1, 3, 4
    expect(markdown).toContain('| levels.easy | 0.500 [0.500, 0.500] |');
    expect(markdown).toContain('| auc | 0.800 |');
    expect(markdown).not.toContain('| seconds.train |');
  });

  it('says whether the memory term of FINER-SQL is inert', () => {
    const spread = (within: number): RunResult => ({
      ...runs[0]!,
      arm: 'full',
      curve: {
        updates: [5],
        metrics: {
          'rewards/memory/wrong_std': [0.05],
          'rewards/memory/wrong_group_std': [within],
          'rewards/memory/wrong_atomic_correlation': [null],
        },
      },
    });
    expect(finer.findings!([spread(0.01)])[0]).toContain(
      'of 0.010 within a group, below 0.02: as a reward the term is inert',
    );
    expect(finer.findings!([spread(0.03)])[0]).toContain(
      'is not inert. Its correlation with the atomic term is unknown',
    );
    expect(finer.findings!(runs)).toEqual([]);
  });

  it('escapes what it prints', () => {
    const odd = { ...tiny, title: 'a <b> & "c"', remarks: ['`x < y` | <i>'] };
    const blocks = reportBlocks({ ...inputs, experiment: odd });
    expect(toHtml(odd.title, blocks)).toContain('<li><code>x &lt; y</code> | &lt;i&gt;</li>');
    expect(toHtml(odd.title, blocks)).toContain('<h1>a &lt;b&gt; &amp; &quot;c&quot;</h1>');
  });

  it('has something to say before anything is made', () => {
    const none = { ...inputs, runs: [], heldout: [], trials: [], warm: [] };
    expect(toMarkdown(tiny.title, reportBlocks(none))).toContain('not measured yet');
  });
});
