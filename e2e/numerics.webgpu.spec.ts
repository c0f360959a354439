/**
 * WebGPU on the software adapter, with a very small policy. STEPSQL_UPDATES says how many updates the
 * runs take (5; by command 50).
 */
import type { Page } from '@playwright/test';
import type { Backend } from './harness/platform.ts';
import type { TrainResult } from './harness/train.ts';
import { expect, test, type Site } from './test.ts';

const UPDATES = Number(process.env['STEPSQL_UPDATES'] ?? 5);

test.setTimeout(120_000 + 20_000 * UPDATES);

/** In a new page each time: nothing is left of another run. */
async function trained(page: Page, site: Site, backend: Backend): Promise<TrainResult> {
  await page.goto(site.harness);
  return page.evaluate(
    ([backend, updates]) => window.run('worker', 'trainTiny', backend, { updates, beta: 0 }),
    [backend, UPDATES] as const,
  );
}

test(`${UPDATES} updates train, leak nothing, and repeat themselves`, async ({ page, site }) => {
  const first = await trained(page, site, 'webgpu');
  expect(first.fingerprint).toMatchObject({ backend: 'webgpu', count: UPDATES });
  expect(first.finite).toBe(true);
  const moved = first.metrics.filter((line) => line['grad_norm']! > 0).length;
  const weights = first.fingerprint.updates.map((digest) => digest.slice(16));
  expect(moved).toBeGreaterThan(0.8 * UPDATES);
  expect(new Set(weights).size).toBeGreaterThanOrEqual(moved);

  const { before, updates, after } = first.memory;
  const [second, last] = [updates[1]!, updates.at(-1)!];
  expect(last.tensors).toBe(second.tensors);
  expect(last.gpuBytes).toBe(second.gpuBytes);
  expect(after.tensors).toBe(before.tensors);
  expect(after.gpuBytes).toBe(before.gpuBytes);

  // The first update starts from the same weights as on wasm: equal tokens, nearly equal numbers.
  const onWasm = await trained(page, site, 'wasm');
  expect(first.fingerprint.updates[0]!.slice(0, 16)).toBe(
    onWasm.fingerprint.updates[0]!.slice(0, 16),
  );
  for (const metric of ['loss', 'grad_norm', 'entropy']) {
    expect(first.metrics[0]![metric], metric).toBeCloseTo(onWasm.metrics[0]![metric]!, 4);
  }

  const again = await trained(page, site, 'webgpu');
  expect(again.fingerprint).toEqual(first.fingerprint);
  expect(again.weights).toBe(first.weights);
});

for (const plain of [false, true]) {
  const name = plain ? 'plain twins' : 'kernels';
  test(`${name}: every operation and its gradients agree with wasm`, async ({ page, site }) => {
    await page.goto(site.harness);
    const compared = await page.evaluate(
      (plain) => window.run('page', 'compareOperations', plain),
      plain,
    );
    expect(compared.length).toBeGreaterThan(40);
    for (const { operation, apart, repeats } of compared) {
      for (const difference of apart) expect.soft(difference, operation).toBeLessThan(2e-5);
      expect.soft(repeats, `${operation} repeats itself`).toBe(true);
    }
  });
}

test('a step takes at most a fifth of the launches of plain tfjs', async ({ page, site }) => {
  await page.goto(site.harness);
  const { kernels, plain } = await page.evaluate(() => window.run('page', 'compareLaunches'));
  expect(kernels.trainingStep).toBeGreaterThan(10);
  expect(kernels.trainingStep * 5).toBeLessThanOrEqual(plain.trainingStep);
  expect(kernels.decodedToken).toBeGreaterThan(10);
  expect(kernels.decodedToken * 5).toBeLessThanOrEqual(plain.decodedToken);
});

test('logits of the warm start are within 1e-3 of wasm', async ({ page, site }) => {
  await page.goto(site.harness);
  const { count, apart, largest } = await page.evaluate(
    (files) => window.run('page', 'compareLogits', files, 4),
    site.files,
  );
  expect(count).toBeGreaterThan(100_000);
  expect(largest).toBeGreaterThan(5);
  expect(apart).toBeLessThan(1e-3);
});

test('freed GPU memory is not kept for ever', async ({ page, site }) => {
  await page.goto(site.harness);
  const [count, bytes] = [250, 4 << 20];
  const after = await page.evaluate(
    ([count, bytes]) => window.run('worker', 'freeManySizes', count, bytes),
    [count, bytes] as const,
  );
  expect(after.at(-1)!.gpuBytes).toBe(0);
  expect(Math.max(...after.map(({ gpuAllocated }) => gpuAllocated))).toBeLessThan(600e6);
});
