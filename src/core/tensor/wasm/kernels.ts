/**
 * Registers the AssemblyScript kernels for tfjs's wasm backend. They run inside tfjs's own memory:
 * tensors are passed by address, outputs and scratch come from its allocator.
 */
import { tf, type TensorInfo } from '#tfjs';
import { StepSqlError } from '../../errors.ts';
import { KERNELS_BASE64 } from './kernels.generated.ts';

type Kernel = (...args: number[]) => number;

interface WasmBackend {
  wasm: {
    asm: Record<string, unknown>;
    _malloc(bytes: number): number;
    _free(pointer: number): void;
  };
  dataIdMap: { get(dataId: object): { memoryOffset: number } };
  makeOutput(shape: number[], dtype: string): TensorInfo;
  disposeData(dataId: object): boolean;
}

type Inputs = Record<string, TensorInfo>;
type Attributes = Record<string, number>;
type Implementation = (
  inputs: Inputs,
  attrs: Attributes,
  run: Runtime,
) => TensorInfo | TensorInfo[];

let kernels: Record<string, Kernel> | undefined;

/** What an implementation needs: addresses, outputs, scratch and the compiled functions. */
class Runtime {
  readonly #backend: WasmBackend;
  readonly #outputs: TensorInfo[] = [];
  readonly call: Record<string, Kernel>;

  constructor(backend: WasmBackend) {
    this.#backend = backend;
    this.call = kernels!;
  }

  at(tensor: TensorInfo): number {
    return this.#backend.dataIdMap.get(tensor.dataId).memoryOffset;
  }

  output(shape: number[], dtype = 'float32'): TensorInfo {
    const tensor = this.#backend.makeOutput(shape, dtype);
    this.#outputs.push(tensor);
    return tensor;
  }

  /** Frees the outputs so far: a kernel that throws returns none. */
  abandon(): void {
    for (const { dataId } of this.#outputs) this.#backend.disposeData(dataId);
  }

  withScratch<T>(floats: number, use: (pointer: number) => T): T {
    const pointer = this.#backend.wasm._malloc(floats * 4) >>> 0;
    try {
      return use(pointer);
    } finally {
      this.#backend.wasm._free(pointer);
    }
  }
}

/** All that wasm can address. Allocations fail somewhat earlier: memory is in pieces. */
export const WASM_MEMORY_BYTES = 0x1_0000_0000;

/**
 * Makes allocations that fail throw. tfjs's own carry on instead: malloc returns 0 when memory is
 * exhausted, and sizes beyond 32 bits wrap around to small ones.
 */
function refuseFailedAllocations({ wasm }: WasmBackend): void {
  wasm._free(wasm._malloc(8)); // emscripten's first call replaces the function by the real one
  const allocate = wasm._malloc;
  wasm._malloc = (bytes) => {
    const pointer = bytes < WASM_MEMORY_BYTES ? allocate(bytes) : 0;
    if (pointer === 0) {
      throw new StepSqlError(
        'out_of_memory',
        `wasm memory (4 GB at most) is exhausted while allocating ${bytes} bytes: use a smaller batch, model or max_completion_length`,
      );
    }
    return pointer;
  };
}

const size = ({ shape }: TensorInfo): number => shape.reduce((product, n) => product * n, 1);
const rows = (tensor: TensorInfo): number => tensor.shape[0]!;
const width = (tensor: TensorInfo): number => tensor.shape[1]!;

const implementations: Record<string, Implementation> = {
  StepMatMul({ a, b }, { transA, transB }, run) {
    const [m, k] = transA ? [width(a!), rows(a!)] : [rows(a!), width(a!)];
    const n = transB ? rows(b!) : width(b!);
    const c = run.output([m, n]);
    run.withScratch(run.call['matmulScratch']!(n) + 8, (scratch) =>
      run.call['matmul']!(run.at(a!), run.at(b!), run.at(c), m, k, n, transA!, transB!, scratch),
    );
    return c;
  },
  StepGatherRows({ table, index }, _, run) {
    const out = run.output([rows(index!), width(table!)]);
    run.call['gatherRows']!(run.at(table!), run.at(index!), run.at(out), rows(out), width(out));
    return out;
  },
  StepScatterRows({ values, index }, { outRows }, run) {
    const out = run.output([outRows!, width(values!)]);
    run.call['scatterRows']!(
      ...[run.at(values!), run.at(index!), run.at(out), rows(values!), width(values!), outRows!],
    );
    return out;
  },
  StepRmsNorm({ x, weight }, { eps }, run) {
    const y = run.output(x!.shape);
    run.call['rmsNorm']!(run.at(x!), run.at(weight!), run.at(y), rows(x!), width(x!), eps!);
    return y;
  },
  StepRmsNormGrad({ x, weight, dy }, { eps }, run) {
    const dx = run.output(x!.shape);
    const dWeight = run.output(weight!.shape);
    run.call['rmsNormGrad']!(
      ...[run.at(x!), run.at(weight!), run.at(dy!), run.at(dx), run.at(dWeight)],
      ...[rows(x!), width(x!), eps!],
    );
    return [dx, dWeight];
  },
  StepRotary({ qkv, position, cos, sin }, { heads, valueHeads, headDim, sign }, run) {
    const out = run.output(qkv!.shape);
    run.call['rotary']!(
      ...[run.at(qkv!), run.at(position!), run.at(cos!), run.at(sin!), run.at(out)],
      ...[rows(qkv!), heads!, valueHeads!, headDim!, sign!],
    );
    return out;
  },
  StepAttention({ qkv, prefixStart, prefixEnd, segmentStart }, attrs, run) {
    const { batch, length, heads, keyValueHeads, headDim, scale } = attrs;
    const out = run.output([rows(qkv!), heads! * headDim!]);
    const stats = run.output([rows(qkv!), heads! * 2]);
    run.withScratch(run.call['attentionScratch']!(length!, headDim!), (scratch) =>
      run.call['attention']!(
        ...[run.at(qkv!), run.at(prefixStart!), run.at(prefixEnd!), run.at(segmentStart!)],
        ...[run.at(out), run.at(stats)],
        ...[batch!, length!, heads!, keyValueHeads!, headDim!, scale!, scratch],
      ),
    );
    return [out, stats];
  },
  StepAttentionGrad({ qkv, prefixStart, prefixEnd, segmentStart, stats, dOut }, attrs, run) {
    const { batch, length, heads, keyValueHeads, headDim, scale } = attrs;
    const dQkv = run.output(qkv!.shape);
    run.withScratch(run.call['attentionScratch']!(length!, headDim!), (scratch) =>
      run.call['attentionGrad']!(
        ...[run.at(qkv!), run.at(prefixStart!), run.at(prefixEnd!), run.at(segmentStart!)],
        ...[run.at(stats!), run.at(dOut!), run.at(dQkv)],
        ...[batch!, length!, heads!, keyValueHeads!, headDim!, scale!, scratch],
      ),
    );
    return dQkv;
  },
  /** Writes the new token into `cache` in place, in a layout of its own. */
  StepAttentionDecode({ qkv, prompts, promptLength, promptOf, cache }, attrs, run) {
    const { promptRows, capacity, step, heads, keyValueHeads, headDim, scale } = attrs;
    const out = run.output([rows(qkv!), heads! * headDim!]);
    const group = heads! / keyValueHeads!;
    const floats = run.call['decodeScratch']!(promptRows!, capacity!, headDim!, group);
    run.withScratch(floats, (scratch) =>
      run.call['attentionDecode']!(
        ...[run.at(qkv!), run.at(prompts!), run.at(promptLength!), run.at(promptOf!)],
        ...[run.at(cache!), run.at(out), rows(qkv!), promptRows!, capacity!, step!],
        ...[heads!, keyValueHeads!, headDim!, scale!, scratch],
      ),
    );
    return out;
  },
  StepSwiGlu({ gateUp }, _, run) {
    const out = run.output([rows(gateUp!), width(gateUp!) / 2]);
    run.call['swiGlu']!(run.at(gateUp!), run.at(out), rows(out), width(out));
    return out;
  },
  StepSwiGluGrad({ gateUp, dOut }, _, run) {
    const out = run.output(gateUp!.shape);
    run.call['swiGluGrad']!(run.at(gateUp!), run.at(dOut!), run.at(out), rows(dOut!), width(dOut!));
    return out;
  },
  StepTokenLogProbs({ logits, tokens }, { temperature }, run) {
    const count = rows(logits!);
    const out = run.output([2, count]);
    run.call['tokenLogProbs']!(
      ...[run.at(logits!), run.at(tokens!), run.at(out), run.at(out) + 4 * count],
      ...[count, width(logits!), temperature!],
    );
    return out;
  },
  StepTokenLogProbsGrad({ logits, tokens, dLogProbs }, { temperature }, run) {
    const out = run.output(logits!.shape);
    run.call['tokenLogProbsGrad']!(
      ...[run.at(logits!), run.at(tokens!), run.at(dLogProbs!), run.at(out)],
      ...[rows(logits!), width(logits!), temperature!],
    );
    return out;
  },
  StepSoftmaxEntropy({ logits }, { temperature }, run) {
    const probs = run.output(logits!.shape);
    const entropies = run.output([rows(logits!)]);
    run.call['softmaxEntropy']!(
      ...[run.at(logits!), run.at(probs), run.at(entropies)],
      ...[rows(logits!), width(logits!), temperature!],
    );
    return [probs, entropies];
  },
  StepDrawTokens({ logits, uniforms }, { temperature, greedy }, run) {
    const out = run.output([3, rows(logits!)]);
    run.withScratch(width(logits!), (scratch) =>
      run.call['drawTokens']!(
        ...[run.at(logits!), run.at(uniforms!), run.at(out), rows(logits!), width(logits!)],
        ...[temperature!, greedy!, scratch],
      ),
    );
    return out;
  },
  /** Of all inputs together, a scalar. */
  StepSumSquares(inputs, _, run) {
    const out = run.output([]);
    let total = 0;
    for (const x of Object.values(inputs)) {
      total = run.call['sumSquares']!(run.at(x), size(x), total, run.at(out));
    }
    return out;
  },
  /** Updates param, m and v in place and returns a placeholder. */
  StepAdamW({ param, grad, m, v }, attrs, run) {
    const { gradScale, learningRate, beta1, beta2, correction1, correction2, eps, decay } = attrs;
    run.call['adamW']!(
      ...[
        run.at(param!),
        run.at(grad!),
        run.at(m!),
        run.at(v!),
        size(param!),
        gradScale!,
        learningRate!,
      ],
      ...[beta1!, beta2!, correction1!, correction2!, eps!, decay!],
    );
    return run.output([1]);
  },
};

/** Compiles and registers the kernels for the wasm backend, which must be the current one. */
export function registerWasmKernels(): void {
  if (kernels) return;
  const backend = tf.backend() as unknown as WasmBackend;
  const memory = Object.values(backend.wasm.asm).find((item) => item instanceof WebAssembly.Memory);
  if (!memory) throw new StepSqlError('backend', 'tfjs-backend-wasm no longer exports its memory');
  const bytes = Uint8Array.from(atob(KERNELS_BASE64), (char) => char.charCodeAt(0));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  kernels = instance.exports as Record<string, Kernel>;
  refuseFailedAllocations(backend);
  for (const [kernelName, implementation] of Object.entries(implementations)) {
    tf.registerKernel({
      kernelName,
      backendName: 'wasm',
      kernelFunc: ({ inputs, backend, attrs }) => {
        const runtime = new Runtime(backend as WasmBackend);
        try {
          return implementation(inputs as Inputs, (attrs ?? {}) as Attributes, runtime);
        } catch (error) {
          runtime.abandon();
          throw error;
        }
      },
    });
  }
}
