/** Rows of a table by index, and sums of rows by index: the gradient of the first. */
import { elementOf, inBoth, perElement, type Element } from './elements.ts';
import { spread, type Kernel, type Program } from './runtime.ts';

const gatherProgram = (element: Element): Program => ({
  name: `gatherRows/${element}`,
  inputs: { table: element, index: 'i32' },
  outputs: { out: element },
  params: { count: 'u32', width: 'u32' },
  code: `${perElement}
  let row = i / params.width;
  out[i] = table[u32(index[row]) * params.width + i - row * params.width];
}`,
});

/** Rows of the result that one workgroup makes. */
const ROWS = 4;

const each = (line: (row: number) => string): string =>
  Array.from({ length: ROWS }, (_, row) => line(row)).join('\n');

/**
 * One workgroup makes 16 columns of a few rows of the result: it looks through the index 1 024 entries
 * at a time, marks those of each row as bits, and 16 lanes per column add up the marked ones. The order
 * depends on the index alone.
 */
const scatterProgram = (element: Element): Program => ({
  name: `scatterRows/${element}`,
  inputs: { values: element, index: 'i32' },
  outputs: { out: element },
  params: { count: 'u32', width: 'u32', outRows: 'u32' },
  code: `
var<workgroup> marks: array<atomic<u32>, ${32 * ROWS}>;
var<workgroup> sums: array<${element}, 256>;

/** Adds the marked entries of one row, this lane's words of 32. */
fn addMarked(row: u32, lane: u32, start: u32, column: u32) -> ${element} {
  var sum = ${element}();
  for (var word = lane; word < 32u; word += 16u) {
    var left = atomicLoad(&marks[32u * row + word]);
    while (left != 0u) {
      sum += values[(start + 32u * word + firstTrailingBit(left)) * params.width + column];
      left &= left - 1u;
    }
  }
  return sum;
}

/** The sum over a column's 16 lanes, in the first of them. */
fn laneSum(value: ${element}, thread: u32) -> ${element} {
  sums[thread] = value;
  for (var apart = 128u; apart >= 16u; apart /= 2u) {
    workgroupBarrier();
    if (thread < apart) { sums[thread] += sums[thread + apart]; }
  }
  let sum = sums[thread];
  workgroupBarrier();
  return sum;
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = ${ROWS}u * (group.x + group.y * groups.x);
  let lane = thread / 16u;
  let column = 16u * group.z + thread % 16u;
  ${each((row) => `var sum${row} = ${element}();`)}
  for (var start = 0u; start < params.count; start += 1024u) {
    if (thread < ${32 * ROWS}u) { atomicStore(&marks[thread], 0u); }
    workgroupBarrier();
    for (var i = thread; i < 1024u && start + i < params.count; i += 256u) {
      let row = u32(index[start + i]) - first; // wraps around to a large one below the first
      if (row < ${ROWS}u) { atomicOr(&marks[32u * row + i / 32u], 1u << (i % 32u)); }
    }
    workgroupBarrier();
    if (column < params.width) {
      ${each((row) => `sum${row} += addMarked(${row}u, lane, start, column);`)}
    }
    workgroupBarrier();
  }
  ${each(
    (row) => `
  let total${row} = laneSum(sum${row}, thread);
  if (thread < 16u && first + ${row}u < params.outRows && column < params.width) {
    out[(first + ${row}u) * params.width + column] = total${row};
  }`,
  )}
}`,
});

const gather = inBoth(gatherProgram);
const scatter = inBoth(scatterProgram);

export const rowPrograms: readonly Program[] = [gather.vec4f, scatter.vec4f];

export const rowKernels: Record<string, Kernel> = {
  StepGatherRows({ table, index }, _, run) {
    const rows = index!.shape[0]!;
    const [element, width] = elementOf(table!.shape[1]!);
    const out = run.output([rows, table!.shape[1]!]);
    const count = rows * width;
    const groups = spread(Math.ceil(count / 256));
    run.launch(gather[element], { table: table!, index: index!, out }, { count, width }, groups);
    return out;
  },
  StepScatterRows({ values, index }, { outRows }, run) {
    const [element, width] = elementOf(values!.shape[1]!);
    const out = run.output([outRows!, values!.shape[1]!]);
    const count = index!.shape[0]!;
    const [x, y] = spread(Math.ceil(outRows! / ROWS));
    run.launch(
      scatter[element],
      { values: values!, index: index!, out },
      { count, width, outRows: outRows! },
      [x, y, Math.ceil(width / 16)],
    );
    return out;
  },
};
