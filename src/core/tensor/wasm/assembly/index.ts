// StepSQL's wasm kernels. They share tfjs's memory: pointers come from its tensors, scratch from its
// allocator, and nothing here allocates or owns data.
export { matmul, matmulScratch } from './matmul';
export { attention, attentionDecode, attentionGrad, attentionScratch } from './attention';
export {
  adamW,
  gatherRows,
  rmsNorm,
  rmsNormGrad,
  rotary,
  scatterRows,
  softmaxEntropy,
  swiGlu,
  swiGluGrad,
  tokenLogProbs,
  tokenLogProbsGrad,
} from './rows';
