/** The bench: what it counts, how it takes turns, what it prints, what it refuses. Never how fast. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf, type Tensor2D } from '#tfjs';
import { parseOptions } from '../bench/options.ts';
import { openPeers } from '../bench/peers/peers.ts';
import { asMarkdown, asText, rate } from '../bench/table/format.ts';
import {
  forwardOperations,
  inTurns,
  median,
  positionsSeen,
  samplingWork,
} from '../bench/table/measure.ts';
import { difference } from '../bench/table/model.ts';
import { observe } from '../bench/table/observe.ts';
import type { Peer } from '../bench/table/peer.ts';
import { expectedSeconds, LIMITS, Schedule, type Progress } from '../bench/table/schedule.ts';
import {
  parameterCount,
  SAMPLES,
  SHAPES,
  shapesOf,
  workloadOf,
  type BenchShape,
} from '../bench/table/shapes.ts';
import { measureTable, type BenchTable, type Line } from '../bench/table/table.ts';
import { checkModelConfig, type ModelConfig } from '../src/core/model/config.ts';
import { pack } from '../src/core/model/pack.ts';
import { startBackend } from '../src/core/tensor/backend.ts';
import * as ops from '../src/core/tensor/ops.ts';

beforeAll(() => startBackend('wasm'));

const TINY: ModelConfig = {
  ...{ vocab_size: 32, hidden_size: 16, intermediate_size: 20, num_hidden_layers: 2 },
  ...{ num_attention_heads: 2, num_key_value_heads: 1, head_dim: 8 },
  ...{ max_position_embeddings: 256, rope_theta: 10_000, rms_norm_eps: 1e-6 },
  ...{ tie_word_embeddings: true, attention_bias: false },
};

describe('shapes', () => {
  it('are networks that can be built, in order, the last beyond 30 M parameters', () => {
    for (const { config } of SHAPES) checkModelConfig(config);
    const counts = SHAPES.map(({ config }) => parameterCount(config));
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts.at(-1)).toBeGreaterThanOrEqual(30e6);
    expect(SHAPES[0]!.config).toMatchObject({ hidden_size: 64, num_hidden_layers: 2 });
  });

  it('are chosen by size, once each, and refused by name', () => {
    expect(shapesOf([128, 64, 64]).map(({ size }) => size)).toEqual([64, 128]);
    expect(() => shapesOf([65], '--sizes')).toThrow('--sizes: got 65, expected some of 64, 96');
  });

  it('come with the same work every time', () => {
    const work = workloadOf(SHAPES[0]!);
    expect(workloadOf(SHAPES[0]!)).toEqual(work);
    const completions = work.items.flatMap((item) => item.completions);
    expect(completions).toHaveLength(4 * SAMPLES);
    expect(work.advantages).toHaveLength(completions.length);
    expect(work.tokens).toBe(work.promptTokens + work.completionTokens);
  });
});

describe('operations', () => {
  it('of a forward pass are twice its weights per token, and attention and logits', () => {
    const weights = 16 * (16 + 2 * 8) + 16 * 16 + 3 * 16 * 20;
    const work = { tokens: 5, seen: 15, predictions: 3 };
    expect(forwardOperations(TINY, work)).toBe(2 * (2 * (5 * weights + 2 * 15 * 16) + 3 * 16 * 32));
  });

  it('count the positions that packed tokens see', () => {
    const prompt = Int32Array.of(1, 2, 3);
    const packed = pack([{ prompt, completions: [Int32Array.of(4, 5), Int32Array.of(6)] }], {
      ...{ rowLength: 6, multiple: 1 },
    });
    // Three of the prompt; each completion sees all of it and itself.
    expect(positionsSeen(packed)).toBe(1 + 2 + 3 + (3 + 1) + (3 + 2) + (3 + 1));
  });

  it('of sampling: prompts once, then tokens that see all before them', () => {
    const { prefill, decode } = samplingWork([3, 5], 2, 3);
    expect(prefill).toEqual({ tokens: 8, seen: 6 + 15, predictions: 4 });
    // Two more tokens for each of four samples: they see 4 and 5 positions, or 6 and 7.
    expect(decode).toEqual({ tokens: 8, seen: 2 * (4 + 5) + 2 * (6 + 7), predictions: 8 });
  });
});

describe('turns', () => {
  /** A clock that runs only while something is measured. */
  function clock() {
    let ms = 0;
    return { now: () => ms, takes: (seconds: number) => void (ms += 1000 * seconds) };
  }

  it('are taken one after the other, warm up, and give medians', async () => {
    const { now, takes } = clock();
    const order: string[] = [];
    const times = [9, 1, 3, 2];
    const seconds = await inTurns(
      [
        (turn) => {
          order.push(`a${turn}`);
          takes(times[turn]!);
        },
        () => {
          order.push('b');
          return 0.5; // its own
        },
      ],
      { repeats: 3, budget: 100, now },
    );
    expect(seconds).toEqual([2, 0.5]);
    expect(order).toEqual(['a0', 'b', 'a1', 'b', 'a2', 'b', 'a3', 'b']);
  });

  it('end for a run that has spent its budget, whose first turn counts when it has no other', async () => {
    const { now, takes } = clock();
    const runs = [0, 0];
    const seconds = await inTurns([() => (runs[0]!++, takes(7)), () => (runs[1]!++, takes(2))], {
      repeats: 5,
      budget: 5,
      now,
    });
    expect(runs).toEqual([1, 3]);
    expect(seconds).toEqual([7, 2]);
  });

  it('warm up for a second before they count', async () => {
    const { now, takes } = clock();
    let runs = 0;
    const turns = { repeats: 2, budget: 100, now };
    const seconds = await inTurns([() => takes(++runs === 1 ? 0.4 : 0.2)], turns);
    expect(seconds).toEqual([0.2]);
    expect(runs).toBe(2 + 2); // a third to warm up would pass the second
  });

  it('median of an even number is between the two in the middle', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});

describe('what a run asks of the backend', () => {
  it('is its kernels, the bytes of their tensors, and the most that tensors take', async () => {
    const [a, b] = [tf.ones([8, 4]), tf.ones([4, 16])] as [Tensor2D, Tensor2D];
    const before = tf.memory().numBytes;
    const seen = await observe(async () => {
      const c = tf.tidy(() => tf.reshape(ops.matmul(a, b), [-1])); // a reshape is none
      c.dispose();
    });
    const [reads, writes] = [4 * (8 * 4 + 4 * 16), 4 * 8 * 16];
    expect(seen).toEqual({ launches: 1, bytes: reads + writes, peakBytes: before + writes });
    tf.dispose([a, b]);
  });

  it('is looked at no longer than the run, even when that fails', async () => {
    const engine = tf.engine();
    const before = engine.runKernel;
    await expect(observe(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(engine.runKernel).toBe(before);
    expect(Object.hasOwn(engine, 'runKernel')).toBe(false);
  });
});

const OBSERVED = { launches: 156, bytes: 144.2e6, peakBytes: 5.35e6 };

const LINE: Line = {
  ...{ size: 64, parameters: 229_696, task: 'training step', limitShare: 0.5 },
  rates: { ours: 19_100, plain: 798, torch: 20_000 },
  observed: { ours: OBSERVED, plain: { ...OBSERVED, launches: 1840 } },
};

const TABLE: BenchTable = {
  ...{ backend: 'wasm', matmul: 51.13, notes: ['A note.'] },
  peers: [{ id: 'torch', label: 'PyTorch (1)' }],
  lines: [
    LINE,
    { ...LINE, size: 512, task: 'decode', rates: { ours: 55.6 }, observed: { ours: OBSERVED } },
  ],
};

describe('the table', () => {
  it('shows rates with three digits', () => {
    const values = [0.5, 9.994, 9.996, 55.62, 99.96, 798.4, 999.4, 999.6, 19_123, 1.43e6, 2e9];
    expect(values.map(rate)).toEqual([
      '0.50',
      '9.99',
      '10.0',
      '55.6',
      '100',
      '798',
      '999',
      '1.00k',
      '19.1k',
      '1.43M',
      '2.00G',
    ]);
    expect([undefined, NaN, Infinity].map(rate)).toEqual(['–', '–', '–']);
  });

  it('is Markdown with a cell for every column, and a dash for what was not measured', () => {
    const [heads, rule, first, second] = asMarkdown(TABLE).split('\n');
    expect(heads).toBe(
      '| d | parameters | tokens/s of | ours | plain tfjs | PyTorch (1) | of matmul | launches | MB moved | peak MB |',
    );
    expect(rule!.split('|')).toHaveLength(heads!.split('|').length);
    expect(first).toBe(
      '| 64 | 230k | training step | 19.1k | 798 (23.9×) | 20.0k (0.95×) | 50 % | 156 / 1.84k | 144 / 144 | 5.35 / 5.35 |',
    );
    expect(second).toContain('| 512 | 230k | decode | 55.6 | – | – | 50 % | 156 / – |');
    expect(asMarkdown(TABLE)).toContain('\n- A note.\n');
  });

  it('is text in columns', () => {
    const [heads, first] = asText(TABLE).split('\n');
    expect(first!.indexOf('19.1k') + 5).toBe(heads!.indexOf('ours') + 4);
  });
});

describe('rivals', () => {
  const computed = { loss: -0.001, logProb: -7.7, gradNorm: 2 };

  it('agree within 1e-4 on what both computed', () => {
    expect(difference(computed, { logProb: -7.7005 })).toBeUndefined();
    expect(difference(computed, {})).toBeUndefined();
    expect(difference(computed, { loss: 0, gradNorm: 2.1 })).toBe(
      'loss is 0, ours -0.001; gradNorm is 2.1, ours 2',
    );
    expect(difference(computed, { loss: NaN })).toContain('loss is NaN');
  });

  it('that are not installed leave a line that says how to get them', async () => {
    const options = parseOptions(['--peers', '--python', 'no-such-python'])!;
    const { peers, notes, close } = await openPeers(options);
    await close();
    expect(peers.filter(({ id }) => id !== 'jax-js')).toEqual([]);
    expect(notes.join('\n')).toContain(
      'PyTorch: not installed: no-such-python -m pip install -r bench/peers/requirements.txt',
    );
  });
});

describe('progress', () => {
  it('grows from part to part and ends near one', () => {
    const shapes = shapesOf([64, 128]);
    const schedule = new Schedule(shapes, LIMITS);
    const seen: Progress[] = [];
    for (let part = 0; part < 5; part++) {
      schedule.next(10 * part);
      seen.push(schedule.progress(10 * part), schedule.progress(10 * part + 9));
    }
    expect(seen[0]).toMatchObject({ what: 'matrices', share: 0, secondsLeft: null });
    const shares = seen.map(({ share }) => share);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBeGreaterThan(0.8);
    expect(shares.at(-1)).toBeLessThan(1);
    expect(seen.at(-1)!.what).toBe('sampling, d = 128');
    expect(seen.at(-1)!.secondsLeft).toBeGreaterThan(0);
  });

  it('expects more of more models', () => {
    expect(expectedSeconds([])).toBeLessThan(expectedSeconds(shapesOf([64])));
    expect(expectedSeconds(shapesOf([64]))).toBeLessThan(expectedSeconds(shapesOf([64, 128])));
  });
});

describe('measuring', () => {
  const shape: BenchShape = { size: 16, config: TINY, groups: 1, plain: true };
  const started = { tensors: 0 };
  beforeAll(() => (started.tensors = tf.memory().numTensors));
  afterAll(() => expect(tf.memory().numTensors).toBe(started.tensors));

  const peer = (id: string, open: Peer['open']): Peer => ({ id, label: id, open });

  it('gives a line for each task with everyone who takes part', async () => {
    const closed: string[] = [];
    const table = await measureTable({
      shapes: [shape],
      limits: { repeats: 1, budget: 1 },
      peers: [
        peer('right', () =>
          Promise.resolve({
            ...{ train: () => 0.5, prefill: () => 0.1, sample: () => 0.73, note: 'told' },
            close: () => void closed.push('right'),
          }),
        ),
        peer('wrong', () =>
          Promise.resolve({
            ...{ train: () => 0.5, prefill: () => 0.1, sample: () => 1, computed: { loss: 7 } },
            close: () => void closed.push('wrong'),
          }),
        ),
        peer('absent', () => Promise.resolve(undefined)),
        peer('broken', () => Promise.reject(new Error('no memory'))),
      ],
    });
    expect(table.lines.map(({ task }) => task)).toEqual(['training step', 'prefill', 'decode']);
    const work = workloadOf(shape);
    for (const { rates, observed, limitShare } of table.lines) {
      expect(Object.keys(rates)).toEqual(['ours', 'right', 'plain']);
      expect(rates['ours']).toBeGreaterThan(0);
      expect(limitShare).toBeGreaterThan(0);
      expect(observed.ours.launches).toBeLessThan(observed.plain!.launches / 3);
      expect(observed.ours.peakBytes).toBeGreaterThan(4 * parameterCount(TINY));
    }
    const theirs = table.lines.map(({ rates }) => rates['right']!);
    expect(theirs[0]).toBeCloseTo(work.tokens / 0.5);
    expect(theirs[1]).toBeCloseTo(work.promptTokens / 0.1);
    expect(theirs[2]).toBeCloseTo((SAMPLES * 63) / 0.63);
    expect(table.notes[0]).toBe('right, d = 16: told');
    expect(table.notes.join('\n')).toMatch(/wrong, d = 16: its loss is 7, .*left out/);
    expect(table.notes.join('\n')).toContain('broken, d = 16: left out: no memory');
    expect(closed).toEqual(['right', 'wrong']);
  });
});

describe('npm run bench', () => {
  it('measures everything on wasm unless told otherwise', () => {
    expect(parseOptions([])).toMatchObject({
      ...{ backend: 'wasm', workers: 0, peers: false, repeats: 5, json: false },
      shapes: SHAPES,
    });
    expect(parseOptions(['--help'])).toBeUndefined();
    const some = parseOptions(['--sizes', '64, 256', '--workers=2'])!;
    expect(some.shapes.map(({ size }) => size)).toEqual([64, 256]);
    expect(some.workers).toBe(2);
  });

  it.each([
    [['--sizes', '64,5'], '--sizes: got 5, expected some of 64'],
    [['--sizes', 'big'], '--sizes: got "big", expected a whole number'],
    [['--backend', 'cuda'], '--backend: got "cuda", expected one of wasm, webgpu, tensorflow'],
    [['--repeats', '0'], '--repeats: got "0", expected a whole number, at least 1'],
    [['--workers', '2', '--backend', 'webgpu'], '--workers: got 2, expected 0 on webgpu'],
    [['--fast'], "expected its options: Unknown option '--fast'"],
  ])('refuses %j', (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});
