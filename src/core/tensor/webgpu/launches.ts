/** Counts what a WebGPU device is told to run, tfjs's operations and kernels of our own alike. */

export interface LaunchCount {
  /** Launches since the count began. */
  readonly launches: number;
  stop(): void;
}

/** For benches and tests. Counts must end in the opposite order of their beginning. */
export function countLaunches(): LaunchCount {
  const prototype = GPUComputePassEncoder.prototype;
  const original = prototype.dispatchWorkgroups;
  let launches = 0;
  prototype.dispatchWorkgroups = function (this: GPUComputePassEncoder, ...counts) {
    launches++;
    original.apply(this, counts);
  };
  return {
    get launches() {
      return launches;
    },
    stop() {
      prototype.dispatchWorkgroups = original;
    },
  };
}
