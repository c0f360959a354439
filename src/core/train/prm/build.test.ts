import * as v from 'valibot';
import { beforeAll, describe, expect, it } from 'vitest';
import { startNumericBackend } from '../../../../test/numeric-backend.test-helper.ts';
import type { Policy } from '../../model/policy.ts';
import { localCompute } from '../compute.ts';
import { memory, tokenizer } from '../tiny-run.test-helper.ts';
import { tasks, turnsContext, twoTurnPolicy } from '../turns.test-helper.ts';
import {
  balance,
  buildOptions,
  buildPrm,
  type BuildEvent,
  type BuildInputs,
  type BuildResult,
  type WorkFile,
} from './build.ts';
import { prmFromFiles, savePrm } from './checkpoint.ts';
import { missedPrmLimits } from './measure.ts';
import { PrmScorer } from './scorer.ts';

let policy: () => Policy;

beforeAll(async () => {
  await startNumericBackend();
  policy = await twoTurnPolicy();
});

class MemoryWork implements WorkFile {
  readonly lines: string[];
  constructor(lines: string[] = []) {
    this.lines = lines;
  }
  read(): Promise<unknown[]> {
    return Promise.resolve(this.lines.map((line) => JSON.parse(line) as unknown));
  }
  append(lines: readonly object[]): Promise<void> {
    this.lines.push(...lines.map((line) => JSON.stringify(line)));
    return Promise.resolve();
  }
}

/** The three questions, many times over under other names. */
const many = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, i) => ({ ...tasks[i % 3]!, id: `${prefix}${i}` }));

function inputs(changes: Partial<BuildInputs> = {}): BuildInputs {
  return {
    context: turnsContext(policy(), 2),
    ...{ train: many(60, 'a'), heldOut: many(30, 'b'), seed: 0, max_completion_length: 32 },
    options: v.parse(buildOptions, {
      ...{
        questions: 60,
        held_out: 30,
        traces: 4,
        completions: 4,
        calibration_share: 0.2,
        positive_share: 0,
      },
      ...{ epochs: 6, batch_size: 8, learning_rate: 1e-2, warmup_steps: 5 },
    }),
    ...{ work: new MemoryWork(), identity: 'test', protocol: 'cocte', clock: () => 0 },
    computeFor: (made) => localCompute(made),
    ...changes,
  };
}

async function finish(
  build: AsyncGenerator<BuildEvent, BuildResult | undefined>,
  hear: (event: BuildEvent) => void = () => undefined,
): Promise<BuildResult | undefined> {
  for (;;) {
    const { done, value } = await build.next();
    if (done) return value;
    hear(value);
  }
}

describe('building a process reward model', () => {
  it('finds out which answers are right: execution results and questions tell', async () => {
    const result = (await finish(buildPrm(inputs())))!;
    const { train, calibration, held_out, scores } = result;
    expect([train.tasks, calibration.tasks, held_out.tasks]).toEqual([48, 12, 30]);
    expect(train.traces).toBe(192);
    expect(train.completions).toBeGreaterThan(50);
    expect(scores.auc_final).toBeGreaterThan(0.85);
    expect(scores.auc_final_within).toBeGreaterThan(0.75);
    expect(scores.log_loss).toBeLessThan(scores.log_loss_constant);
    expect(result.loss.last).toBeLessThan(result.loss.first);
    result.model.policy.dispose();
  });

  it('stopped and gone on with equals straight', async () => {
    const straight = new MemoryWork();
    const whole = (await finish(buildPrm(inputs({ work: straight }))))!;
    const work = new MemoryWork();
    const stop = new AbortController();
    let blocks = 0;
    const half = await finish(buildPrm(inputs({ work, stop: stop.signal })), () => {
      if (++blocks === 2) stop.abort();
    });
    expect(half).toBeUndefined();
    expect(work.lines.length).toBe(49);
    const rest = (await finish(buildPrm(inputs({ work }))))!;
    expect(work.lines).toEqual(straight.lines);
    expect(await rest.model.policy.weights()).toEqual(await whole.model.policy.weights());
    expect(rest.scores).toEqual(whole.scores);
  });

  it('refuses the work of other traces', async () => {
    const work = new MemoryWork();
    const stop = AbortSignal.abort();
    await finish(buildPrm(inputs({ work, stop })));
    await expect(finish(buildPrm(inputs({ work, stop, seed: 1 })))).rejects.toThrow(/^work file: /);
  });

  it('leaves no tensors behind but those of the model', async () => {
    const before = inputs();
    const { numTensors } = memory();
    const result = (await finish(buildPrm(before)))!;
    result.model.policy.dispose();
    expect(memory().numTensors).toBe(numTensors);
  });
});

describe('a saved process reward model', () => {
  it('scores as before', async () => {
    const context = turnsContext(policy(), 2);
    const model = {
      policy: policy(),
      tokenizer,
      calibration: { slope: 0.5, offset: -1 },
      protocol: 'cocte',
    };
    const files = await savePrm(model);
    const loaded = prmFromFiles(files);
    expect(loaded.protocol).toBe('cocte');
    const prompt = context.prompts.of(tasks[0]!);
    const step = { kind: 'answer' as const, start: 0, end: 4, text: '' };
    const group = {
      prompt,
      episodes: [{ tokens: tokenizer.encode('SELECT max(price) FROM item'), steps: [step] }],
    };
    const score = (made: typeof model) => new PrmScorer(made).score([group]);
    expect(await score(loaded)).toEqual(await score(model));
    expect((await score(model))[0]![0]!.length).toBe(1);
  });

  it('is none without prm.json, or with one that says nothing', async () => {
    const files = await savePrm({
      policy: policy(),
      tokenizer,
      calibration: { slope: 1, offset: 0 },
      protocol: 'cocte',
    });
    const rest = Object.fromEntries(Object.entries(files).filter(([name]) => name !== 'prm.json'));
    expect(() => prmFromFiles(rest)).toThrow(/^prm: got /);
    const empty = new TextEncoder().encode('{"version":1}');
    expect(() => prmFromFiles({ ...files, 'prm.json': empty })).toThrow(/^prm\.json\.protocol: /);
  });
});

describe('balance', () => {
  const question = (task: string, ...labels: number[]) => ({
    ...{ task, prefixes: 0, completions: [] },
    traces: [{ tokens: Int32Array.of(1), tags: [0], labels, right: false }],
  });

  it('leaves out questions without anything right, the last first, and no more than it takes', () => {
    const all = [
      question('a', 0, 0),
      question('b', 1, 0),
      question('c', 0, 0),
      question('d', 0, 1),
    ];
    const names = (wanted: number): string =>
      balance(all, wanted)
        .map(({ task }) => task)
        .join('');
    expect(names(0)).toBe('abcd');
    expect(names(0.25)).toBe('abcd');
    expect(names(0.3)).toBe('abd');
    expect(names(0.4)).toBe('bd');
    expect(names(0.7)).toBe('bd'); // as far as it goes
    expect(balance([question('a', 0)], 0.3)).toEqual([]);
  });
});

describe('the limits', () => {
  it('refuse what ranks or calibrates badly, or has nearly no positives', () => {
    const good = { auc: 0.8, calibration_error: 0.05 };
    const missed = (scores: object, mean_label = 0.5): string[] =>
      missedPrmLimits({ ...good, ...scores } as never, { mean_label });
    expect(missed({})).toEqual([]);
    expect(missed({ auc: 0.74 })).toHaveLength(1);
    expect(missed({ auc: NaN, calibration_error: 0.2 }, 0.1)).toHaveLength(3);
  });
});
