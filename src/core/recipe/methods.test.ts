/**
 * What must hold for every reward and every credit assignment there is, options included: a new one is covered
 * by registering it.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CreditEpisode } from '../credit/credit.ts';
import { credits } from '../credit/index.ts';
import type { Cell, Task } from '../data/task.ts';
import type { Episode, Step } from '../episode/episode.ts';
import { StepSqlError } from '../errors.ts';
import { rewards } from '../reward/index.ts';
import { compareRows } from '../sql/compare.ts';
import type { Outcome } from '../sql/outcome.ts';
import { recipeFields, type Field } from './fields.ts';

type Options = Record<string, unknown>;

function valueOf(field: Field): fc.Arbitrary<unknown> {
  const { kind, min = -2000, max = 2000 } = field;
  const usual = fc.constant(field.default);
  const some =
    kind === 'choice'
      ? fc.constantFrom(...field.choices!)
      : kind === 'flag'
        ? fc.boolean()
        : kind === 'integer'
          ? fc.integer({ min: Math.max(min, -2000), max: Math.min(max, 2000) })
          : kind === 'number'
            ? fc.double({ min: Math.max(min, -2000), max: Math.min(max, 2000), noNaN: true })
            : usual;
  return fc.oneof(usual, usual, some, ...(field.nullable ? [fc.constant(null)] : []));
}

/** Options of one registered method, as the recipe's schema describes them; some may be refused. */
function optionsOf(section: 'reward' | 'credit', name: string): fc.Arbitrary<Options> {
  const prefix = `${section}.options.`;
  const fields = recipeFields.filter(
    ({ path, when }) =>
      path.startsWith(prefix) && (when[`${section}.name`] ?? [name]).includes(name),
  );
  return fc
    .tuple(...fields.map((field) => fc.tuple(fc.constant(field.path), valueOf(field))))
    .map((entries) => {
      const options: Options = {};
      for (const [path, value] of entries) {
        const keys = path.slice(prefix.length).split('.');
        let holder = options;
        for (const key of keys.slice(0, -1)) holder = (holder[key] ??= {}) as Options;
        holder[keys.at(-1)!] = value;
      }
      return options;
    });
}

/** `make(options)`, or undefined where these options are refused. */
function made<T>(method: { make(options?: unknown): T }, options: Options): T | undefined {
  try {
    return method.make(options);
  } catch (error) {
    expect(error).toBeInstanceOf(StepSqlError);
    return undefined;
  }
}

const column = (cells: readonly string[]): Cell[][] => cells.map((cell) => [cell]);

const rows = (cells: readonly string[]): Outcome => ({
  ...{ kind: 'rows', columns: ['c'], rows: column(cells), rowCount: cells.length },
  truncated: false,
});

const THOUGHT =
  'The question asks for the name of each city with more inhabitants than a limit, so the table city is ' +
  'needed, its column name is selected and its column population is compared with the number that the ' +
  'question states; no join and no aggregate is needed, and the order of the rows does not matter here.';

const task: Task = {
  ...{ id: 't', db_id: 'd', question: '?', split: 'train', answer: [['a']] },
  gold: ['SELECT name FROM city WHERE population > 5'],
};

const cells = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 });

const failedOutcomes: Outcome[] = [
  { kind: 'error', message: 'no such table: x' },
  { kind: 'timeout', limitMs: 2000 },
  { kind: 'refused', reason: 'ATTACH' },
];

/** A step before the answer: a call of a tool, or a CTE. */
const step = fc.record({
  sql: fc.constantFrom(
    'SELECT name FROM city',
    'select name  from city;',
    'SELECT * FROM city WHERE population > 5',
    'SELECT 1',
  ),
  outcome: fc.oneof(cells.map(rows), fc.constantFrom(...failedOutcomes)),
  value: fc.double({ min: 0, max: 1, noNaN: true }),
});

type Answer = { kind: 'right' } | { kind: 'wrong'; gold: string[] } | { kind: 'failed' };

const answerSql = fc.constantFrom(
  'SELECT name FROM city WHERE population > 5',
  'SELECT name FROM city AS c WHERE c.population > 5 AND 1 = 1',
  'SELECT name, population FROM city ORDER BY population',
  'SELECT 1',
);

/** Whether an answer is right is chosen, and everything else about the episode is not. */
const episodeWith = (answer: fc.Arbitrary<Answer>): fc.Arbitrary<Episode> =>
  fc
    .record({
      answer,
      kind: fc.constantFrom('call' as const, 'cte' as const),
      before: fc.array(step, { maxLength: 4 }),
      sql: answerSql,
      result: cells,
      failure: fc.constantFrom(...failedOutcomes),
      value: fc.double({ min: 0, max: 1, noNaN: true }),
      similarity: fc.double({ min: -1, max: 1, noNaN: true }),
      padding: fc.integer({ min: 0, max: 60 }),
    })
    .map(({ answer, kind, before, sql, result, failure, value, similarity, padding }) => {
      const thought = `${THOUGHT} ${'It is so. '.repeat(padding)}`.trim();
      const written = (sql: string) => `<think>${thought}</think>\n${sql}`;
      const last: Pick<Step, 'outcome' | 'comparison'> =
        answer.kind === 'failed'
          ? { outcome: failure }
          : {
              outcome: rows(result),
              comparison: compareRows(
                column(result),
                column(answer.kind === 'right' ? result : answer.gold),
                false,
              ),
            };
      const steps: Step[] = [
        ...before.map((each): Step => ({
          ...{ kind, text: written(each.sql), thought, start: 0, end: 0, ...each },
          ...(kind === 'call' && { call: { tool: 'run_query', args: [each.sql] } }),
        })),
        { kind: 'answer', text: written(sql), thought, start: 0, end: 0, sql, value, ...last },
      ];
      steps.forEach((each, i) => Object.assign(each, { start: 4 * i, end: 4 * i + 3 }));
      const tokens = 4 * steps.length - 1;
      return {
        ...{ task, terminated: true, text: steps.map(({ text }) => text).join('\n'), steps },
        ...{ similarity, tokens: new Int32Array(tokens), logProbs: new Float32Array(tokens) },
        mask: Uint8Array.from({ length: tokens }, (_, t) => (t % 4 === 3 ? 0 : 1)),
        entropies: new Float32Array(tokens),
      };
    });

const right = episodeWith(fc.constant({ kind: 'right' }));
const notRight = episodeWith(
  fc.oneof(
    cells.map((gold): Answer => ({ kind: 'wrong', gold })),
    fc.constant<Answer>({ kind: 'failed' }),
  ),
).filter(({ steps }) => {
  const { comparison } = steps.at(-1)!;
  return !comparison?.bird && !comparison?.spider && !comparison?.exact;
});

describe.each(Object.entries(rewards))('reward %s', (name, method) => {
  beforeAll(() => method.prepare());

  it('never lets a wrong answer outscore or equal a right one', () => {
    const reward = method.make();
    fc.assert(
      fc.property(right, notRight, (good, bad) => {
        expect(reward(bad).total).toBeLessThan(reward(good).total);
      }),
      { numRuns: 200 },
    );
  });

  it('never lets a wrong answer outscore a right one, whatever its options', () => {
    fc.assert(
      fc.property(optionsOf('reward', name), right, notRight, (options, good, bad) => {
        // Among well-formed episodes: a format gate rightly gives others nothing.
        const gate = Math.min(Number(options['minThoughtCharacters'] ?? 0), THOUGHT.length - 1);
        const reward = made(method, {
          ...options,
          ...(gate > 0 && { minThoughtCharacters: gate }),
        });
        if (reward) expect(reward(bad).total).toBeLessThanOrEqual(reward(good).total);
      }),
      { numRuns: 200 },
    );
  });

  it('breaks its total down into terms, process rewards apart, one number a step or none', () => {
    fc.assert(
      fc.property(optionsOf('reward', name), fc.oneof(right, notRight), (options, episode) => {
        const reward = made(method, options);
        if (!reward) return;
        const { total, terms, steps } = reward(episode);
        const own = Object.entries(terms).filter(([term]) => !term.startsWith('process'));
        const sum = own.reduce((all, [, value]) => all + value, 0);
        expect(Math.abs(sum - total)).toBeLessThan(1e-9 * Math.max(1, Math.abs(total)));
        expect([0, episode.steps.length]).toContain(steps.length);
        expect([...Object.values(terms), ...steps].every(Number.isFinite)).toBe(true);
      }),
    );
  });

  it('is missing where the answer ran and was compared with nothing', () => {
    fc.assert(
      fc.property(right, (episode) => {
        const steps = episode.steps.map(({ comparison: _, ...rest }) => rest);
        expect(method.make()({ ...episode, steps }).total).toBeNaN();
      }),
      { numRuns: 20 },
    );
  });
});

/** Episodes as credit sees them: steps of 1–3 written tokens, an observation of one token after each. */
const creditEpisode: fc.Arbitrary<CreditEpisode> = fc
  .record({
    outcome: fc.constantFrom(0, 1),
    steps: fc.array(
      fc.record({
        length: fc.integer({ min: 1, max: 3 }),
        thought: fc.integer({ min: 0, max: 3 }),
        reward: fc.oneof(fc.constantFrom(0, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true })),
        anchor: fc.constantFrom('3 rows', '2 rows', 'error'),
        entropy: fc.double({ min: 0, max: 3, noNaN: true }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  })
  .map(({ outcome, steps }) => {
    let end = 0;
    const spans = steps.map(({ length, thought }) => {
      const start = end;
      end += length + 1;
      return { start, end: start + length, thoughtEnd: start + Math.min(thought, length) };
    });
    const mask = new Uint8Array(end);
    for (const { start, end } of spans) mask.fill(1, start, end);
    return {
      ...{ outcome, steps: spans, mask, rewards: steps.map(({ reward }) => reward) },
      anchors: steps.map(({ anchor }, i) => (i === 0 ? '' : anchor)),
      entropies: steps.map(({ entropy }) => entropy),
    };
  });

const group = fc.array(creditEpisode, { minLength: 2, maxLength: 6 });

const close = (a: number, b: number): boolean =>
  Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(a), Math.abs(b));

describe.each(Object.entries(credits))('credit %s', (name, method) => {
  const options = optionsOf('credit', name);

  it('gives a group of equal episodes exactly zero', () => {
    fc.assert(
      fc.property(options, creditEpisode, fc.integer({ min: 2, max: 8 }), (chosen, one, size) => {
        const credit = made(method, chosen);
        const alike = Array<CreditEpisode>(size).fill(one);
        for (const { steps, tokens } of credit?.([alike])[0] ?? []) {
          expect([...steps, ...tokens].every((a) => a === 0)).toBe(true);
        }
      }),
    );
  });

  it('permutes with the group', () => {
    const order = group.chain((episodes) =>
      fc.tuple(
        fc.constant(episodes),
        fc.shuffledSubarray([...episodes.keys()], { minLength: episodes.length }),
      ),
    );
    fc.assert(
      fc.property(options, order, (chosen, [episodes, order]) => {
        const credit = made(method, chosen);
        if (!credit) return;
        const before = credit([episodes])[0]!;
        credit([order.map((i) => episodes[i]!)])[0]!.forEach(({ steps }, at) =>
          steps.forEach((a, t) => expect(close(a, before[order[at]!]!.steps[t]!)).toBe(true)),
        );
      }),
    );
  });

  it('gives observations 0, and every step and token a number', () => {
    fc.assert(
      fc.property(options, group, (chosen, episodes) => {
        const credit = made(method, chosen);
        credit?.([episodes])[0]!.forEach(({ steps, tokens }, i) => {
          const { mask, steps: spans } = episodes[i]!;
          expect(steps).toHaveLength(spans.length);
          expect(tokens).toHaveLength(mask.length);
          expect([...steps, ...tokens].every(Number.isFinite)).toBe(true);
          tokens.forEach((a, t) => expect(mask[t] ? 0 : a).toBe(0));
        });
      }),
    );
  });

  it('gives episodes that could not be judged 0, and leaves them out of all baselines', () => {
    fc.assert(
      fc.property(options, group, group, (chosen, judged, missing) => {
        const credit = made(method, chosen);
        if (!credit) return;
        const unjudged = missing.map((episode) => ({ ...episode, outcome: NaN }));
        const alone = credit([judged])[0]!;
        const together = credit([[...unjudged, ...judged]])[0]!;
        for (const { steps } of together.slice(0, unjudged.length)) {
          expect(steps.every((a) => a === 0)).toBe(true);
        }
        together
          .slice(unjudged.length)
          .forEach(({ steps }, i) =>
            steps.forEach((a, t) => expect(close(a, alone[i]!.steps[t]!)).toBe(true)),
          );
      }),
    );
  });
});
