/** AdamW in place, and the sum of squares over many tensors that clipping needs. */
import { elementOf, inBoth, perElement, type Element } from './elements.ts';
import { size, spread, type Kernel, type Program } from './runtime.ts';

/** The arithmetic of the wasm kernel: decay first, then the step of the corrected moments. */
const adamWProgram = (element: Element): Program => ({
  name: `adamW/${element}`,
  inputs: { grad: element },
  outputs: { param: element, m: element, v: element },
  params: {
    ...{ count: 'u32', gradScale: 'f32', beta1: 'f32', beta2: 'f32', keep1: 'f32', keep2: 'f32' },
    ...{ rate: 'f32', correction2: 'f32', eps: 'f32', shrink: 'f32' },
  },
  code: `${perElement}
  let g = params.gradScale * grad[i];
  let m1 = params.beta1 * m[i] + params.keep1 * g;
  let v1 = params.beta2 * v[i] + params.keep2 * g * g;
  m[i] = m1;
  v[i] = v1;
  let step = params.rate * m1 / (sqrt(v1 / params.correction2) + params.eps);
  param[i] = params.shrink * param[i] - step;
}`,
});

/** Tensors that one launch can read: eight buffers less the result's. */
const TOGETHER = 7;
/** Workgroups per tensor, each with one share of the sum. */
const GROUPS = 64;

const squareOf = (element: Element): string =>
  element === 'vec4f' ? 'dot(value, value)' : 'value * value';

/** Sum over the 256 threads of a workgroup, written to shares[at] by the first. */
const groupSum = (at: string): string => `
  sums[thread] = sum;
  for (var apart = 128u; apart > 0u; apart /= 2u) {
    workgroupBarrier();
    if (thread < apart) { sums[thread] += sums[thread + apart]; }
  }
  if (thread == 0u) { shares[${at}] = sums[0]; }`;

/** Shares of Σ x² for each of seven tensors, (tensors, GROUPS). */
const squaresProgram = (element: Element): Program => {
  const which = Array.from({ length: TOGETHER }, (_, i) => i);
  return {
    name: `sumSquares/${element}`,
    inputs: Object.fromEntries(which.map((i) => [`x${i}`, element])),
    outputs: { shares: 'f32' },
    params: {
      first: 'u32',
      ...(Object.fromEntries(which.map((i) => [`count${i}`, 'u32'])) as Record<string, 'u32'>),
    },
    code: `
var<workgroup> sums: array<f32, 256>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  switch group.y {
    ${which
      .map(
        (i) => `${i === TOGETHER - 1 ? 'default' : `case ${i}u`}: {
      for (var i = 256u * group.x + thread; i < params.count${i}; i += ${256 * GROUPS}u) {
        let value = x${i}[i];
        sum += ${squareOf(element)};
      }
    }`,
      )
      .join('\n    ')}
  }
  ${groupSum(`(params.first + group.y) * ${GROUPS}u + group.x`)}
}`,
  };
};

/** The sum of `count` numbers, by one workgroup. */
const totalProgram: Program = {
  name: 'total',
  inputs: { x: 'f32' },
  outputs: { shares: 'f32' },
  params: { count: 'u32' },
  code: `
var<workgroup> sums: array<f32, 256>;
@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < params.count; i += 256u) { sum += x[i]; }
  ${groupSum('0u')}
}`,
};

const adamW = inBoth(adamWProgram);
const squares = inBoth(squaresProgram);

export const adamWPrograms: readonly Program[] = [adamW.vec4f, squares.vec4f, totalProgram];

export const adamWKernels: Record<string, Kernel> = {
  /** Updates param, m and v in place and returns a placeholder. */
  StepAdamW({ param, grad, m, v }, attrs, run) {
    const { gradScale, learningRate, beta1, beta2, correction1, correction2, eps, decay } = attrs;
    const [element, count] = elementOf(size(param!));
    run.launch(
      adamW[element],
      { param: param!, grad: grad!, m: m!, v: v! },
      {
        ...{ count, gradScale: gradScale!, beta1: beta1!, beta2: beta2! },
        ...{ keep1: 1 - beta1!, keep2: 1 - beta2!, rate: learningRate! / correction1! },
        ...{ correction2: correction2!, eps: eps!, shrink: 1 - learningRate! * decay! },
      },
      spread(Math.ceil(count / 256)),
    );
    return run.output([1]);
  },
  /** Σ of the squares of all elements of all inputs, a scalar. */
  StepSumSquares(inputs, _, run) {
    const tensors = Object.values(inputs).map((tensor) => tensor!);
    const total = run.output([]);
    const shares = run.scratch([tensors.length, GROUPS]);
    const element = tensors.every((tensor) => size(tensor) % 4 === 0) ? 'vec4f' : 'f32';
    for (let first = 0; first < tensors.length; first += TOGETHER) {
      const some = tensors.slice(first, first + TOGETHER);
      // What is missing in the last launch is never read: its count is zero.
      const at = Array.from({ length: TOGETHER }, (_, i) => some[i] ?? some[0]!);
      const named = Object.fromEntries(at.map((tensor, i) => [`x${i}`, tensor]));
      const counts = at.map((tensor, i) => {
        const elements = element === 'vec4f' ? size(tensor) / 4 : size(tensor);
        return [`count${i}`, i < some.length ? elements : 0] as const;
      });
      const values = { first, ...Object.fromEntries(counts) };
      run.launch(squares[element], { ...named, shares }, values, [GROUPS, some.length]);
    }
    const count = tensors.length * GROUPS;
    run.launch(totalProgram, { x: shares, shares: total }, { count }, [1]);
    return total;
  },
};
