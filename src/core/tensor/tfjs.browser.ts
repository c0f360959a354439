/** tfjs in a tab or worker: core, gradients and the backends we use, half the size of the umbrella. */
import type * as core from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-backend-webgpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

// Re-exported, not assigned: a bundler then leaves out the operations that nobody calls (41 kB gzip).
export * as tf from '@tensorflow/tfjs-core';
export { setWasmPaths };
export type Tensor = core.Tensor;
export type Scalar = core.Scalar;
export type Tensor1D = core.Tensor1D;
export type Tensor2D = core.Tensor2D;
export type Tensor4D = core.Tensor4D;
export type Variable = core.Variable;
export type TensorInfo = core.TensorInfo;
