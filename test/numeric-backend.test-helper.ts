/**
 * The backend of the tests of arithmetic: wasm, or by STEPSQL_BACKEND another, for example after
 * tools/tfjs-node.js: STEPSQL_BACKEND=tensorflow npx vitest run src/core/tensor src/core/model src/core/train
 */
import { startNodeBackend } from '../src/node/backend.ts';

export const NUMERIC_BACKEND = process.env['STEPSQL_BACKEND'] ?? 'wasm';

export async function startNumericBackend(): Promise<void> {
  await startNodeBackend(NUMERIC_BACKEND);
}
