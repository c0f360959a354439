import { createRequire } from 'node:module';
import { afterEach, describe, expect, it } from 'vitest';
import { tf } from '#tfjs';
import { distance } from '../core/model/tiny.test-helper.ts';
import * as operations from '../core/tensor/operations.test-helper.ts';
import { fused, usePlain } from '../core/tensor/ops.ts';
import { startNodeBackend } from './backend.ts';

afterEach(() => usePlain(false));

describe('--plain', () => {
  it('switches our kernels off, and they are back without it', async () => {
    const plain = await startNodeBackend('wasm', true);
    expect(plain.name).toBe('wasm-plain');
    expect(plain.reason).toContain('without our kernels');
    expect(fused()).toBe(false);
    expect(await startNodeBackend('wasm')).toEqual({ name: 'wasm', reason: 'asked for' });
    expect(fused()).toBe(true);
  });

  it('changes nothing where there are none', async () => {
    const { name, reason } = await startNodeBackend('cpu', true);
    expect(name).toBe('cpu');
    expect(reason).toContain('no kernels of our own');
  });
});

/** An optional package, which tools/tfjs-node.js installs. */
const installed = ((): boolean => {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-node');
    return true;
  } catch {
    return false;
  }
})();

describe('a backend that is not to be had', () => {
  it('is bad input when nobody knows it', async () => {
    await expect(startNodeBackend('cuda')).rejects.toMatchObject({
      code: 'bad_input',
      field: 'backend',
    });
  });

  it.each([
    ['tensorflow-gpu', '@tensorflow/tfjs-node-gpu'],
    ...(installed ? [] : [['tensorflow', '@tensorflow/tfjs-node']]),
  ])('says what it needs and never falls back: %s', async (choice, name) => {
    await expect(startNodeBackend(choice!)).rejects.toMatchObject({
      code: 'backend',
      message: expect.stringMatching(
        `${choice} needs the optional package ${name}, which (is not installed|does not start here: .)`,
      ) as string,
    });
  });
});

describe.skipIf(!installed)('tfjs-node', () => {
  it('starts, on the tfjs that core uses', async () => {
    expect(await startNodeBackend('tensorflow')).toEqual({
      name: 'tensorflow',
      reason: 'asked for',
    });
    expect(tf.getBackend()).toBe('tensorflow');
  });

  it.each(installed ? operations.operations : [])(
    'computes what wasm computes: $name',
    async (operation) => {
      await startNodeBackend('wasm');
      const expected = await operations.evaluateReference(operation);
      await startNodeBackend('tensorflow');
      const actual = await operations.evaluate(operation);
      expect(actual.length).toBe(expected.length);
      actual.forEach((values, i) => {
        expect(distance(values, expected[i]!)).toBeLessThan(2e-5);
      });
    },
  );
});
