/** How many launches a step takes, counted with and without kernels of our own. */
import { afterEach, describe, expect, it } from 'vitest';
import { usePlain } from '../tensor/ops.ts';
import { startDawn } from '../tensor/webgpu/dawn.test-helper.ts';
import { perDecodedToken, perTrainingStep } from './launches.test-helper.ts';

const started = await startDawn();
afterEach(() => usePlain(false));

describe.skipIf(!started)('launches are at most a fifth of those of plain tfjs', () => {
  it.each([
    ['in a training step', perTrainingStep],
    ['per decoded token', perDecodedToken],
  ])('%s', async (_, launches) => {
    const kernels = await launches();
    usePlain(true);
    const plain = await launches();
    expect(kernels).toBeGreaterThan(10);
    expect(5 * kernels).toBeLessThanOrEqual(plain);
  });
});
