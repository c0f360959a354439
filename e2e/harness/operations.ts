/** Compares the operations of `core/tensor/ops.ts`, value and gradients, between backends. */
import { distance } from '../../src/core/model/tiny.test-helper.ts';
import {
  evaluate,
  evaluateAdamW,
  evaluateReference,
  operations,
  type Operation,
} from '../../src/core/tensor/operations.test-helper.ts';
import { usePlain } from '../../src/core/tensor/ops.ts';
import { useBackend, type Backend } from './platform.ts';

/** Everything on one backend, by operation. */
async function all(
  backend: Backend,
  one: (operation: Operation) => Promise<number[][]>,
): Promise<Map<string, number[][]>> {
  await useBackend(backend);
  const found = new Map<string, number[][]>();
  for (const operation of operations) found.set(operation.name, await one(operation));
  return found.set('adamW', await evaluateAdamW([30, 40]));
}

export interface Comparison {
  operation: string;
  /**
   * Of the value and of each gradient, between wasm's kernels and WebGPU: largest difference over the
   * scale of the numbers, at least 1.
   */
  apart: number[];
  /** WebGPU twice gave the same bits. */
  repeats: boolean;
}

/** @param plain WebGPU runs the plain twins */
export async function compareOperations(plain: boolean): Promise<Comparison[]> {
  const expected = await all('wasm', evaluateReference);
  usePlain(plain);
  try {
    const [found, again] = [await all('webgpu', evaluate), await all('webgpu', evaluate)];
    return [...expected].map(([operation, values]) => ({
      operation,
      apart: values.map((numbers, i) => distance(found.get(operation)![i]!, numbers)),
      repeats: JSON.stringify(found.get(operation)) === JSON.stringify(again.get(operation)),
    }));
  } finally {
    usePlain(false);
  }
}
