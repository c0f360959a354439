import { describe, expect, it } from 'vitest';
import { startBackend } from '../tensor/backend.ts';
import { klFromStart } from './kl.ts';
import { freshPolicy, memory } from './tiny-run.test-helper.ts';

await startBackend('wasm');

const group = (mask: number[]) => ({
  prompt: Int32Array.of(5, 6, 7),
  episodes: [
    { tokens: Int32Array.of(9, 10, 11), mask: Uint8Array.from(mask) },
    { tokens: new Int32Array(0), mask: new Uint8Array(0) },
    { tokens: Int32Array.of(12), mask: Uint8Array.of(1) },
  ],
});

describe('klFromStart', () => {
  it('is zero for equal policies and positive for others, and frees what it makes', async () => {
    const [policy, other] = [freshPolicy(1), freshPolicy(2)];
    const before = memory();
    expect(await klFromStart(policy, policy, [group([1, 1, 1])])).toBe(0);
    expect(await klFromStart(policy, other, [group([1, 1, 1])])).toBeGreaterThan(0);
    expect(memory()).toEqual(before);
    policy.dispose();
    other.dispose();
  });

  it('counts what the policy wrote only, however the groups are batched', async () => {
    const [policy, other] = [freshPolicy(1), freshPolicy(2)];
    const all = await klFromStart(policy, other, [group([1, 1, 1])]);
    const part = await klFromStart(policy, other, [group([1, 0, 0])]);
    const none = await klFromStart(policy, other, [
      {
        prompt: Int32Array.of(5),
        episodes: [{ tokens: Int32Array.of(9), mask: Uint8Array.of(0) }],
      },
    ]);
    expect(part).not.toBe(all);
    expect(none).toBeNaN();
    const many = await klFromStart(policy, other, Array(70).fill(group([1, 1, 1])));
    expect(many).toBeCloseTo(all, 6);
    policy.dispose();
    other.dispose();
  });
});
