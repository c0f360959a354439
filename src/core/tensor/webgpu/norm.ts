/** RMSNorm and its gradient. Four rows per workgroup, 16 threads to a row. */
import { elementOf, inBoth, type Element } from './elements.ts';
import { spread, type Kernel, type Program } from './runtime.ts';

/** Sums over the 16 threads of a row; every thread gets the sum. */
const rowSum = `
var<workgroup> lanes: array<f32, 64>;
fn rowSum(value: f32, thread: u32) -> f32 {
  lanes[thread] = value;
  for (var apart = 8u; apart > 0u; apart /= 2u) {
    workgroupBarrier();
    if (thread % 16u < apart) { lanes[thread] += lanes[thread + apart]; }
  }
  workgroupBarrier();
  let sum = lanes[thread - thread % 16u];
  workgroupBarrier();
  return sum;
}`;

const BUILTINS = `
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,`;

/** Σ of the products of two elements. */
const dot = (element: Element, a: string, b: string): string =>
  element === 'vec4f' ? `dot(${a}, ${b})` : `${a} * ${b}`;

const forwardProgram = (element: Element): Program => ({
  name: `rmsNorm/${element}`,
  inputs: { x: element, weight: element },
  outputs: { y: element },
  params: { rows: 'u32', width: 'u32', size: 'f32', eps: 'f32' },
  code: `${rowSum}
@compute @workgroup_size(64)
fn main(${BUILTINS}
) {
  let row = 4u * (group.x + group.y * groups.x) + thread / 16u;
  let start = min(row, params.rows - 1u) * params.width;
  var squares = 0.0;
  for (var i = thread % 16u; i < params.width; i += 16u) {
    let value = x[start + i];
    squares += ${dot(element, 'value', 'value')};
  }
  let scale = 1.0 / sqrt(rowSum(squares, thread) / params.size + params.eps);
  if (row < params.rows) {
    for (var i = thread % 16u; i < params.width; i += 16u) {
      y[start + i] = x[start + i] * scale * weight[i];
    }
  }
}`,
});

/** Rows whose shares of the weight's gradient one workgroup adds up. */
const BLOCK = 32;

/** dx, and for each block of rows its share of dWeight, (blocks, width). */
const gradProgram = (element: Element): Program => ({
  name: `rmsNormGrad/${element}`,
  inputs: { x: element, weight: element, dy: element },
  outputs: { dx: element, shares: element },
  params: { rows: 'u32', width: 'u32', size: 'f32', eps: 'f32' },
  code: `${rowSum}
var<workgroup> scales: array<f32, ${BLOCK}>;
@compute @workgroup_size(64)
fn main(${BUILTINS}
) {
  let block = group.x + group.y * groups.x;
  let first = ${BLOCK}u * block;
  for (var inBlock = 0u; inBlock < ${BLOCK}u; inBlock += 4u) {
    let row = first + inBlock + thread / 16u;
    let start = min(row, params.rows - 1u) * params.width;
    var squares = 0.0;
    var along = 0.0;
    for (var i = thread % 16u; i < params.width; i += 16u) {
      let value = x[start + i];
      let pulled = dy[start + i] * weight[i];
      squares += ${dot(element, 'value', 'value')};
      along += ${dot(element, 'pulled', 'value')};
    }
    let scale = 1.0 / sqrt(rowSum(squares, thread) / params.size + params.eps);
    let back = rowSum(along, thread) * scale * scale / params.size;
    if (row < params.rows) {
      for (var i = thread % 16u; i < params.width; i += 16u) {
        dx[start + i] = scale * (dy[start + i] * weight[i] - x[start + i] * back);
      }
      if (thread % 16u == 0u) { scales[inBlock + thread / 16u] = scale; }
    }
  }
  workgroupBarrier();
  let end = min(first + ${BLOCK}u, params.rows);
  for (var i = thread; i < params.width && first < end; i += 64u) {
    var share = ${element}();
    for (var row = first; row < end; row++) {
      let at = row * params.width + i;
      share += dy[at] * x[at] * scales[row - first];
    }
    shares[block * params.width + i] = share;
  }
}`,
});

/** out (width) = Σ over rows of x (rows, width): 16 columns per workgroup, 16 threads to a column. */
const sumRowsProgram = (element: Element): Program => ({
  name: `sumRows/${element}`,
  inputs: { x: element },
  outputs: { out: element },
  params: { rows: 'u32', width: 'u32' },
  code: `
var<workgroup> sums: array<${element}, 256>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let column = 16u * group.x + thread % 16u;
  var sum = ${element}();
  if (column < params.width) {
    for (var row = thread / 16u; row < params.rows; row += 16u) {
      sum += x[row * params.width + column];
    }
  }
  sums[thread] = sum;
  for (var apart = 128u; apart >= 16u; apart /= 2u) {
    workgroupBarrier();
    if (thread < apart) { sums[thread] += sums[thread + apart]; }
  }
  if (thread < 16u && column < params.width) { out[column] = sums[thread]; }
}`,
});

const forward = inBoth(forwardProgram);
const backward = inBoth(gradProgram);
const sumRows = inBoth(sumRowsProgram);

export const normPrograms: readonly Program[] = [forward.vec4f, backward.vec4f, sumRows.vec4f];

export const normKernels: Record<string, Kernel> = {
  StepRmsNorm({ x, weight }, { eps }, run) {
    const [rows, size] = x!.shape as [number, number];
    const [element, width] = elementOf(size);
    const y = run.output(x!.shape);
    const values = { rows, width, size, eps: eps! };
    run.launch(
      forward[element],
      { x: x!, weight: weight!, y },
      values,
      spread(Math.ceil(rows / 4)),
    );
    return y;
  },
  StepRmsNormGrad({ x, weight, dy }, { eps }, run) {
    const [rows, size] = x!.shape as [number, number];
    const [element, width] = elementOf(size);
    const dx = run.output(x!.shape);
    const dWeight = run.output(weight!.shape);
    const blocks = Math.ceil(rows / BLOCK);
    const groups = spread(blocks);
    const made = groups[0] * groups[1]; // a few blocks beyond the last row, whose shares are zero
    const shares = run.scratch([Math.max(1, made), size]);
    const tensors = { x: x!, weight: weight!, dy: dy!, dx, shares };
    run.launch(backward[element], tensors, { rows, width, size, eps: eps! }, groups);
    const sum = { rows: blocks, width };
    run.launch(sumRows[element], { x: shares, out: dWeight }, sum, [Math.ceil(width / 16)]);
    return [dx, dWeight];
  },
};
