/**
 * tfjs in Node: the umbrella package, because the gradient-only entry points do not load in Node's
 * ESM. CommonJS, so its names may sit on `default`.
 */
import * as umbrella from '@tensorflow/tfjs';
import * as wasm from '@tensorflow/tfjs-backend-wasm';

const unwrap = <T extends object>(module: T): T =>
  'default' in module ? ((module as { default: T }).default ?? module) : module;

export const tf = unwrap(umbrella);
export const { setWasmPaths } = unwrap(wasm);
export type Tensor = umbrella.Tensor;
export type Scalar = umbrella.Scalar;
export type Tensor1D = umbrella.Tensor1D;
export type Tensor2D = umbrella.Tensor2D;
export type Tensor4D = umbrella.Tensor4D;
export type Variable = umbrella.Variable;
export type TensorInfo = umbrella.TensorInfo;
