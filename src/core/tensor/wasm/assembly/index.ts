// StepSQL's wasm kernels. They share tfjs's memory: pointers come from its tensors, scratch from its
// allocator, and nothing here allocates or owns data.
export { matmul, matmulScratch } from './matmul';
export { attention, attentionScratch } from './attention';
export { attentionDecode, decodeScratch } from './attention-decode';
export { attentionGrad } from './attention-grad';
export { drawTokens, softmaxEntropy, tokenLogProbs, tokenLogProbsGrad } from './logits';
export {
  adamW,
  gatherRows,
  rmsNorm,
  rmsNormGrad,
  rotary,
  scatterRows,
  sumSquares,
  swiGlu,
  swiGluGrad,
} from './rows';
