/**
 * Runs WGSL programs of our own on tfjs's WebGPU backend: in its command encoder, so that they keep
 * their order among tfjs's operations, and on its buffers. tfjs's own `runWebGPUProgram` has one output
 * per launch and a new uniform buffer for each.
 *
 * A kernel is a function of (inputs, attributes, run), registered with `registerKernels` under the name
 * that ops.ts calls, and launches programs:
 *
 *     const scale: Program = {
 *       name: 'scale',
 *       inputs: { x: 'f32' },
 *       outputs: { y: 'f32' },
 *       params: { count: 'u32', factor: 'f32' },
 *       code: `@compute @workgroup_size(64)
 *         fn main(@builtin(global_invocation_id) id: vec3u) {
 *           if (id.x < params.count) { y[id.x] = params.factor * x[id.x]; }
 *         }`,
 *     };
 *     StepScale({ x }, { factor }, run) {
 *       const y = run.output(x!.shape);
 *       const count = size(x!);
 *       run.launch(scale, { x: x!, y }, { count, factor: factor! }, [Math.ceil(count / 64)]);
 *       return y;
 *     }
 *
 * - `inputs` and `outputs` are storage arrays of the element type given ('f32', 'i32', 'u32', 'vec4f'…),
 *   declared by the runtime under these names, eight together at most. An array is its tensor from the
 *   first element on: tfjs's tensors have no offsets. vec4 arrays need a size that is a multiple of 4.
 * - An input that is not given, or is empty, is bound to 16 bytes that mean nothing.
 * - An output may be a tensor that exists already and is then changed in place (`params` of AdamW, a
 *   cache): give it as output only, it can be read there too. No buffer may be input and output at once.
 * - `params` are scalars in a uniform struct `params`, 64 at most. Shapes belong here, so that one
 *   pipeline serves all. What must be known when compiling is written into the code, and then `name`
 *   must say it, as in `attention/32`: a pipeline is found by its name.
 * - `workgroups` are at most 65 535 in each dimension; `spread(count)` makes two dimensions of a long one
 *   and the program counts `group.x + group.y * groups.x` (builtins workgroup_id, num_workgroups).
 * - A launch without workgroups, or with an empty output, is left out. Fresh outputs and scratch hold
 *   whatever was there before: write every element.
 * - `compile` makes pipelines side by side, at the start; others are made when first launched.
 */
import { tf, type TensorInfo } from '#tfjs';
import { stateOf, wordsOf, type Program } from './pipelines.ts';

export type { Program };

export type Workgroups = readonly [x: number, y?: number, z?: number];
export type Inputs = Record<string, TensorInfo | undefined>;
export type Attributes = Record<string, number | undefined>;
export type Kernel = (inputs: Inputs, attrs: Attributes, run: Run) => TensorInfo | TensorInfo[];

/** What tfjs-backend-webgpu 4.22 calls WebGPUBackend, as far as it is used here. */
interface WebGpuBackend {
  device: GPUDevice;
  tensorMap: { get(dataId: object): { resource: GPUBuffer; values: unknown } };
  commandQueueOwnedIds: WeakSet<object>;
  computePassEncoder: GPUComputePassEncoder | null;
  commandEncoder: GPUCommandEncoder;
  dispatchCountInPass: number;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  uploadToGPU(dataId: object): void;
  makeTensorInfo(shape: number[], dtype: string, values?: Float32Array): TensorInfo;
  disposeData(dataId: object): boolean;
}

/** Elements of a tensor. */
export const size = ({ shape }: TensorInfo): number => shape.reduce((product, n) => product * n, 1);

/** WebGPU's default maxComputeWorkgroupsPerDimension. */
const MAXIMUM_WORKGROUPS = 65_535;

/** `count` workgroups or a few more, in two dimensions when there are too many for one. */
export function spread(count: number): [number, number] {
  const y = Math.ceil(count / MAXIMUM_WORKGROUPS);
  return [Math.ceil(count / Math.max(1, y)), y];
}

/** What a kernel works with while it runs: outputs, scratch and launches. */
export class Run {
  readonly #backend: WebGpuBackend;
  readonly #outputs: TensorInfo[] = [];
  readonly #scratch: TensorInfo[] = [];

  constructor(backend: object) {
    this.#backend = backend as WebGpuBackend;
  }

  /** A new tensor for the kernel to return. */
  output(shape: number[], dtype = 'float32'): TensorInfo {
    const empty = shape.includes(0) ? new Float32Array(0) : undefined; // has no buffer to read
    const tensor = this.#backend.makeTensorInfo(shape, dtype, empty);
    this.#outputs.push(tensor);
    return tensor;
  }

  /** A tensor that lives until the kernel returns. */
  scratch(shape: number[], dtype = 'float32'): TensorInfo {
    const tensor = this.#backend.makeTensorInfo(shape, dtype);
    this.#scratch.push(tensor);
    return tensor;
  }

  /** Records one launch; see above. */
  launch(
    program: Program,
    tensors: Inputs,
    values: Record<string, number>,
    [x, y = 1, z = 1]: Workgroups,
  ): void {
    const backend = this.#backend;
    const outputs = Object.keys(program.outputs);
    if (x * y * z === 0 || outputs.some((name) => size(tensors[name]!) === 0)) return;
    const state = stateOf(backend.device);
    const buffers = [...Object.keys(program.inputs), ...outputs].map((name) => {
      const tensor = tensors[name];
      if (!tensor || size(tensor) === 0) return state.nothing;
      backend.uploadToGPU(tensor.dataId); // may end the pass
      const data = backend.tensorMap.get(tensor.dataId);
      // tfjs keeps the values it has read: not those of what changes in place.
      if (name in program.outputs) data.values = null;
      backend.commandQueueOwnedIds.add(tensor.dataId);
      return data.resource;
    });
    const resources: GPUBufferBinding[] = buffers.map((buffer) => ({ buffer }));
    if (Object.keys(program.params).length > 0) {
      const words = wordsOf(program, values);
      resources.push(state.parameters.bind(words, backend.commandQueueOwnedIds));
    }
    const { pipeline, layout } = state.pipelineOf(program);
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    const bindGroup = state.device.createBindGroup({ layout, entries });
    backend.ensureCommandEncoderReady();
    const pass = (backend.computePassEncoder ??= backend.commandEncoder.beginComputePass());
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(x, y, z);
    if (++backend.dispatchCountInPass >= tf.env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE')) {
      backend.endComputePassEncoder();
      backend.submitQueue();
    }
  }

  /** Frees the scratch, and the outputs too of a kernel that threw. */
  end(failed: boolean): void {
    for (const { dataId } of failed ? [...this.#scratch, ...this.#outputs] : this.#scratch) {
      this.#backend.disposeData(dataId);
    }
  }
}

/** Registers kernels for tfjs's WebGPU backend, once. */
export function registerKernels(kernels: Record<string, Kernel>): void {
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    if (tf.getKernel(kernelName, 'webgpu')) continue;
    tf.registerKernel({
      kernelName,
      backendName: 'webgpu',
      kernelFunc: ({ inputs, backend, attrs }) => {
        const run = new Run(backend as object);
        let failed = true;
        try {
          const outputs = kernel(inputs as Inputs, (attrs ?? {}) as Attributes, run);
          failed = false;
          return outputs;
        } finally {
          run.end(failed);
        }
      },
    });
  }
}

/** Called as pipelines become ready. */
export type CompileProgress = (done: number, all: number) => void;

/** Compiles programs side by side for the WebGPU backend in use; rejects when one is refused. */
export async function compile(
  programs: readonly Program[],
  onProgress?: CompileProgress,
): Promise<void> {
  const state = stateOf((tf.backend() as unknown as WebGpuBackend).device);
  const left = programs.filter(({ name }) => !state.pipelines.has(name));
  if (left.length === 0) return;
  let done = 0;
  onProgress?.(done, left.length);
  await Promise.all(
    left.map(async (program) => {
      const [layout, descriptor] = state.descriptor(program);
      const pipeline = await state.device.createComputePipelineAsync(descriptor);
      state.pipelines.set(program.name, { layout, pipeline });
      onProgress?.(++done, left.length);
    }),
  );
}
