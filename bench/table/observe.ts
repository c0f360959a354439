/**
 * What a run asks of the backend: kernels launched, bytes they move, and the most memory that tensors take
 * meanwhile. It looks at every kernel, so it is not for runs that are timed.
 */
import { tf } from '#tfjs';
import { countLaunches } from '../../src/core/tensor/webgpu/launches.ts';

export interface Observed {
  /** Kernels; on WebGPU, dispatches to the device. */
  launches: number;
  /** Bytes of the tensors that kernels read and write. */
  bytes: number;
  /** Most bytes of tensors at any time, parameters and optimiser included. */
  peakBytes: number;
}

/** Give another shape or name to the same bytes. */
const FREE = new Set(['Reshape', 'Identity', 'ExpandDims']);

interface Info {
  dataId: object;
  shape: readonly number[];
  dtype: string;
}

interface Engine {
  runKernel(name: string, inputs: object, attrs?: object): Info | Info[];
}

interface Backend {
  /** Whether nobody has the data any more. */
  disposeData(dataId: object, force?: boolean): boolean;
}

/** Puts `method` over the object's own or its class's; what it returns takes it away. */
function replace<T extends object, K extends keyof T>(
  object: T,
  name: K,
  method: T[K],
): () => void {
  const own = Object.hasOwn(object, name);
  const before = object[name];
  object[name] = method;
  return () => {
    if (own) object[name] = before;
    else Reflect.deleteProperty(object, name);
  };
}

const bytesOf = (tensors: readonly Info[]): number =>
  tensors.reduce(
    (sum, { shape, dtype }) =>
      sum + shape.reduce((product, n) => product * n, 1) * (dtype === 'bool' ? 1 : 4),
    0,
  );

/** The most bytes there are at a time. tfjs counts data twice that has two shapes, as after a reshape. */
class Memory {
  readonly #sizes = new Map<object, number>();
  #now = tf.memory().numBytes;
  peak = this.#now;

  add(made: readonly Info[], of: readonly Info[]): void {
    for (const info of made) {
      const { dataId } = info;
      if (this.#sizes.has(dataId) || of.some((other) => other.dataId === dataId)) continue;
      this.#sizes.set(dataId, bytesOf([info]));
      this.#now += bytesOf([info]);
    }
    this.peak = Math.max(this.peak, this.#now);
  }

  remove(dataId: object): void {
    this.#now -= this.#sizes.get(dataId) ?? 0;
    this.#sizes.delete(dataId);
  }
}

export async function observe(run: () => Promise<unknown>): Promise<Observed> {
  const engine = tf.engine() as unknown as Engine;
  const backend = tf.backend() as unknown as Backend;
  const onDevice = tf.getBackend() === 'webgpu';
  const memory = new Memory();
  let [launches, bytes] = [0, 0];
  const dispatches = onDevice ? countLaunches() : undefined;
  const { runKernel } = engine;
  const { disposeData } = backend;
  const restore = [
    replace(engine, 'runKernel', (name, inputs, attrs) => {
      const result = runKernel.call(engine, name, inputs, attrs);
      const read = (Object.values(inputs).flat() as Info[]).filter(Boolean);
      const made = [result].flat();
      memory.add(made, read);
      if (!FREE.has(name)) {
        launches++;
        bytes += bytesOf(read) + bytesOf(made);
      }
      return result;
    }),
    replace(backend, 'disposeData', (dataId, force) => {
      const gone = disposeData.call(backend, dataId, force);
      if (gone) memory.remove(dataId);
      return gone;
    }),
  ];
  try {
    await run();
  } finally {
    for (const back of restore) back();
    dispatches?.stop();
  }
  return { launches: dispatches?.launches ?? launches, bytes, peakBytes: memory.peak };
}
