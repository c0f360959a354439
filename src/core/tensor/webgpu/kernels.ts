/** The operations of ops.ts as kernels of our own for tfjs's WebGPU backend. */
import { adamWKernels, adamWPrograms } from './adamw.ts';
import { attentionDecode, attentionDecodeProgram } from './attention-decode.ts';
import { attentionGrad, attentionGradPrograms } from './attention-grad.ts';
import { attention, attentionProgram } from './attention.ts';
import { elementwiseKernels, elementwisePrograms } from './elementwise.ts';
import {
  drawTokens,
  logitsPrograms,
  softmaxEntropy,
  tokenLogProbs,
  tokenLogProbsGrad,
} from './logits.ts';
import { matmulKernels, matmulPrograms } from './matmul.ts';
import { normKernels, normPrograms } from './norm.ts';
import { rowKernels, rowPrograms } from './rows.ts';
import { compile, registerKernels, type CompileProgress, type Program } from './runtime.ts';

/** What programs are made for; others are compiled when they are first needed. */
export interface ExpectedModel {
  headDim: number;
  vocabulary: number;
}

/** The default policy's. */
const DEFAULT_MODEL: ExpectedModel = { headDim: 16, vocabulary: 2048 };

const programsFor = ({ headDim, vocabulary }: ExpectedModel): Program[] => [
  ...[...matmulPrograms, ...rowPrograms, ...normPrograms, ...elementwisePrograms],
  ...[...adamWPrograms, ...Object.values(logitsPrograms(vocabulary))],
  ...[attentionProgram(headDim), attentionDecodeProgram(headDim)],
  ...attentionGradPrograms(headDim),
];

/** Registers the kernels for the WebGPU backend, which must be the current one, and compiles them. */
export async function registerWebGpuKernels(
  onProgress?: CompileProgress,
  model = DEFAULT_MODEL,
): Promise<void> {
  registerKernels({
    ...{ ...matmulKernels, ...rowKernels, ...normKernels, ...elementwiseKernels, ...adamWKernels },
    StepAttention: attention,
    StepAttentionGrad: attentionGrad,
    StepAttentionDecode: attentionDecode,
    StepTokenLogProbs: tokenLogProbs,
    StepTokenLogProbsGrad: tokenLogProbsGrad,
    StepSoftmaxEntropy: softmaxEntropy,
    StepDrawTokens: drawTokens,
  });
  await compile(programsFor(model), onProgress);
}
