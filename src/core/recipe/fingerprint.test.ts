import { describe, expect, it, vi } from 'vitest';
import { StepSqlError } from '../errors.ts';
import { sha256Hex } from './canonical.ts';
import {
  compareFingerprints,
  digestDrift,
  FingerprintChain,
  parseFingerprint,
  type Fingerprint,
  type UpdateTrace,
} from './fingerprint.ts';

const trace = (token: number, reward = 1, weight = 0.5): UpdateTrace => ({
  tokens: [Int32Array.of(1, token), Int32Array.of(3)],
  rewards: Float32Array.of(reward, 0),
  weights: [Float32Array.of(weight), Float32Array.of(1, 2)],
});

async function chainOf(...traces: UpdateTrace[]): Promise<Fingerprint> {
  const chain = new FingerprintChain('wasm');
  for (const each of traces) await chain.add(each);
  return chain.toJSON();
}

describe('FingerprintChain', () => {
  it('hashes lengths and little-endian bytes', async () => {
    const { updates, count } = await chainOf(trace(2));
    const tokens = Uint8Array.of(8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0);
    const rewards = Uint8Array.of(8, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0);
    expect(count).toBe(1);
    expect(updates[0]!.slice(0, 8)).toBe(sha256Hex(tokens).slice(0, 8));
    expect(updates[0]!.slice(8, 16)).toBe(sha256Hex(rewards).slice(0, 8));
  });

  it('is the same where the platform has no hashes of its own, as over plain http', async () => {
    const own = await chainOf(trace(1), trace(2));
    vi.stubGlobal('crypto', {});
    try {
      expect(await chainOf(trace(1), trace(2))).toEqual(own);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('tells apart where one episode ends and the next begins', async () => {
    const split = { ...trace(2), tokens: [Int32Array.of(1), Int32Array.of(2, 3)] };
    expect((await chainOf(split)).head).not.toBe((await chainOf(trace(2))).head);
  });

  it('gives each update its entry', async () => {
    const chain = new FingerprintChain('wasm');
    const entries = [await chain.add(trace(1)), await chain.add(trace(2))];
    expect(chain.toJSON().updates).toEqual(entries);
  });

  it('goes on from a checkpoint as if never stopped', async () => {
    const straight = await chainOf(trace(1), trace(2), trace(3));
    const stored = JSON.parse(JSON.stringify(await chainOf(trace(1), trace(2)))) as unknown;
    const resumed = new FingerprintChain('wasm', parseFingerprint(stored));
    await resumed.add(trace(3));
    expect(resumed.toJSON()).toEqual(straight);
  });

  it('does not change what it has given away', async () => {
    const chain = new FingerprintChain('wasm');
    const before = chain.toJSON();
    await chain.add(trace(1));
    chain.addTimeouts(2);
    expect(before).toMatchObject({ count: 0, updates: [], timeouts: 0 });
    expect(chain.toJSON()).toMatchObject({ count: 1, timeouts: 2 });
  });
});

describe('digestDrift', () => {
  const digest = `${'a'.repeat(8)}${'b'.repeat(8)}${'c'.repeat(8)}`;
  const change = (at: number): string => `${digest.slice(0, at)}0${digest.slice(at + 1)}`;

  it('names the first part that differs, or none', async () => {
    expect(digestDrift(digest, digest)).toBeUndefined();
    expect([0, 7].map((at) => digestDrift(digest, change(at)))).toEqual(['tokens', 'tokens']);
    expect([8, 15].map((at) => digestDrift(digest, change(at)))).toEqual(['rewards', 'rewards']);
    expect([16, 23].map((at) => digestDrift(digest, change(at)))).toEqual(['weights', 'weights']);
  });
});

const a = await chainOf(trace(1), trace(2), trace(3));

describe('compareFingerprints', () => {
  it('finds equal runs identical', async () => {
    expect(compareFingerprints(a, await chainOf(trace(1), trace(2), trace(3)))).toEqual({
      identical: true,
      compared: 3,
      drift: undefined,
      notes: [],
    });
  });

  it.each([
    ['tokens', trace(9, 5, 5)],
    ['rewards', trace(2, 5, 5)],
    ['weights', trace(2, 1, 0.25)],
  ] as const)('names the first drift: %s', async (part, changed) => {
    const { identical, drift } = compareFingerprints(a, await chainOf(trace(1), changed, trace(8)));
    expect(identical).toBe(false);
    expect(drift).toEqual({ update: 2, part });
  });

  it('tells -0 from 0: bits, not values', async () => {
    const [zero, negative] = [await chainOf(trace(1, 0)), await chainOf(trace(1, -0))];
    expect(compareFingerprints(zero, negative).drift).toEqual({ update: 1, part: 'rewards' });
  });

  it('compares a run still going as far as it is', async () => {
    expect(compareFingerprints(a, await chainOf(trace(1)))).toMatchObject({
      identical: false,
      compared: 1,
      drift: undefined,
    });
  });

  it('falls back on the chain where only some updates are told apart', async () => {
    const short = { ...a, updates: a.updates.slice(0, 1) };
    expect(compareFingerprints(a, short)).toMatchObject({ identical: true, compared: 1 });
    const other = await chainOf(trace(1), trace(2), trace(4));
    expect(compareFingerprints(other, short).drift).toEqual({ update: 3, part: 'chain' });
  });

  it('notes what may explain a drift', async () => {
    const b = { ...a, backend: 'webgpu', numerics: a.numerics + 1, timeouts: 1 };
    expect(compareFingerprints(a, b).notes).toEqual([
      'backend wasm against webgpu',
      `numerics ${a.numerics} against ${a.numerics + 1}`,
      '0 recorded timeouts against 1',
    ]);
  });
});

const good = await chainOf(trace(1));

describe('parseFingerprint', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['a short head', { ...good, head: 'ab' }],
    ['a bad update', { ...good, updates: ['x'] }],
    ['more updates than counted', { ...good, count: 0 }],
    ['an unknown field', { ...good, extra: 1 }],
  ])('refuses %s', (_, json) => {
    expect(() => parseFingerprint(json)).toThrow(StepSqlError);
    expect(() => parseFingerprint(json)).toThrow(/^fingerprint/);
  });

  it('does not resume from part of a fingerprint', () => {
    expect(() => new FingerprintChain('wasm', { ...good, updates: [] })).toThrow('all 1 updates');
  });
});
