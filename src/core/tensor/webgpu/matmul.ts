/**
 * Matrix products A·B, A·Bᵀ and Aᵀ·B, with a matrix added where one is given. A workgroup of 64 threads makes one square tile of the result:
 * operands pass through workgroup memory in slices of 16 along the inner dimension, each thread keeps
 * its part of the tile in registers. Every element is summed in the order of the inner dimension, in
 * every variant, so a row's result does not depend on which other rows are there.
 */
import { inBoth, type Element } from './elements.ts';
import {
  spread,
  type Attributes,
  type Inputs,
  type Kernel,
  type Program,
  type Run,
  type Workgroups,
} from './runtime.ts';
import type { TensorInfo } from '#tfjs';

/** Slice of the inner dimension in workgroup memory. */
const SLICE = 16;
const THREADS = 64;

interface Variant {
  transA: boolean;
  transB: boolean;
  /** Rows and columns of a workgroup's tile. */
  tile: 64 | 32;
  /** Reads and writes four numbers at once: all row lengths are multiples of 4. */
  vectors: boolean;
}

const letters = ['x', 'y', 'z', 'w'];
const times = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

/** A function that reads four neighbours in a row of a matrix, zeros beyond its edges. */
function reader(name: 'a' | 'b', rows: string, columns: string, vectors: boolean): string {
  const at = (i: number): string =>
    `select(0.0, ${name}[min(row * ${columns} + column + ${i}u, ${rows} * ${columns} - 1u)], column + ${i}u < ${columns})`;
  const four = vectors
    ? `${name}[(row * ${columns} + column) / 4u]`
    : `vec4f(${[0, 1, 2, 3].map(at).join(', ')})`;
  return `
fn ${name}Four(row: u32, column: u32) -> vec4f {
  if (row >= ${rows} || column >= ${columns}) { return vec4f(); }
  return ${four};
}`;
}

/**
 * Fills `${name}Tile[inner][outer / 4]` with a slice. What lies along the inner dimension in memory is
 * read in blocks of 4×4 and transposed.
 */
function loader(name: 'a' | 'b', alongInner: boolean, blocks: number): string {
  const tile = `${name}Tile`;
  const origin = `${name}Origin`;
  if (!alongInner) {
    return `
    for (var i = thread; i < ${SLICE * blocks}u; i += ${THREADS}u) {
      let inner = i / ${blocks}u;
      let block = i % ${blocks}u;
      ${tile}[inner * ${blocks + 1}u + block] = ${name}Four(slice + inner, ${origin} + 4u * block);
    }`;
  }
  return `
    for (var i = thread; i < ${(SLICE / 4) * blocks}u; i += ${THREADS}u) {
      let inner = 4u * (i % ${SLICE / 4}u);
      let block = i / ${SLICE / 4}u;
      let row = ${origin} + 4u * block;
      let four = transpose(mat4x4f(
        ${name}Four(row, slice + inner), ${name}Four(row + 1u, slice + inner),
        ${name}Four(row + 2u, slice + inner), ${name}Four(row + 3u, slice + inner)));
      ${times(4, (j) => `${tile}[(inner + ${j}u) * ${blocks + 1}u + block] = four[${j}];`)}
    }`;
}

function matmulProgram({ transA, transB, tile, vectors }: Variant): Program {
  const blocks = tile / 4;
  // A thread's part: rows and columns in `parts` blocks of four, eight blocks apart.
  const parts = blocks / 8;
  const element = vectors ? 'vec4f' : 'f32';
  const each = (line: (rows: number, row: number, columns: number) => string): string =>
    times(parts, (p) => times(4, (r) => times(parts, (q) => line(p, r, q))));
  const sum = (p: number, r: number, q: number): string => `sum${4 * p + r}_${q}`;
  const store = (p: number, r: number, q: number): string => {
    const put = (column: string, at: string, value: string): string => `
  if (row${p} + ${r}u < params.m && ${column} < params.n) {
    let at = ${at};
    var value = ${value};
    if (params.added != 0u) { value += plus[at]; }
    c[at] = value;
  }`;
    const [line, column] = [`(start + row${p} + ${r}u) * params.n`, `column${q}`];
    if (vectors) return put(column, `(${line} + ${column}) / 4u`, sum(p, r, q));
    return times(4, (i) =>
      put(`${column} + ${i}u`, `${line} + ${column} + ${i}u`, `${sum(p, r, q)}.${letters[i]!}`),
    );
  };
  return {
    name: `matmul/${transA ? 't' : 'n'}${transB ? 't' : 'n'}/${tile}/${element}`,
    inputs: { a: element, b: element, plus: element },
    outputs: { c: element },
    params: { m: 'u32', n: 'u32', k: 'u32', share: 'u32', added: 'u32' },
    code: `
var<workgroup> aTile: array<vec4f, ${SLICE * (blocks + 1)}>;
var<workgroup> bTile: array<vec4f, ${SLICE * (blocks + 1)}>;
${transA ? reader('a', 'params.k', 'params.m', vectors) : reader('a', 'params.m', 'params.k', vectors)}
${transB ? reader('b', 'params.n', 'params.k', vectors) : reader('b', 'params.k', 'params.n', vectors)}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let aOrigin = ${tile}u * group.y;
  let bOrigin = ${tile}u * group.x;
  let across = thread % 8u;
  let down = thread / 8u;
  ${each((p, r, q) => `var ${sum(p, r, q)} = vec4f();`)}
  let end = min(params.k, (group.z + 1u) * params.share);
  for (var slice = group.z * params.share; slice < end; slice += ${SLICE}u) {
    ${loader('a', !transA, blocks)}
    ${loader('b', transB, blocks)}
    workgroupBarrier();
    for (var inner = 0u; inner < ${SLICE}u; inner++) {
      ${times(parts, (p) => `let a${p} = aTile[inner * ${blocks + 1}u + down + ${8 * p}u];`)}
      ${times(parts, (p) => `let b${p} = bTile[inner * ${blocks + 1}u + across + ${8 * p}u];`)}
      ${each((p, r, q) => `${sum(p, r, q)} += a${p}.${letters[r]!} * b${q};`)}
    }
    workgroupBarrier();
  }
  let start = group.z * params.m;
  ${times(parts, (p) => `let row${p} = aOrigin + 4u * (down + ${8 * p}u);`)}
  ${times(parts, (p) => `let column${p} = bOrigin + 4u * (across + ${8 * p}u);`)}
  ${each(store)}
}`,
  };
}

/** out = Σ over `shares` of parts (shares, count), in order. */
const addShares = (element: Element): Program => ({
  name: `addShares/${element}`,
  inputs: { parts: element },
  outputs: { out: element },
  params: { count: 'u32', shares: 'u32' },
  code: `
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = 64u * (group.x + group.y * groups.x) + thread;
  if (i >= params.count) { return; }
  var sum = parts[i];
  for (var share = 1u; share < params.shares; share++) { sum += parts[share * params.count + i]; }
  out[i] = sum;
}`,
});

const layouts = [
  { transA: false, transB: false },
  { transA: false, transB: true },
  { transA: true, transB: false },
  { transA: true, transB: true },
];

const nameOf = ({ transA, transB, tile, vectors }: Variant): string =>
  [transA, transB, tile, vectors].join();

const variants = new Map<string, Program>();
for (const layout of layouts) {
  for (const shape of [
    { tile: 64, vectors: true },
    { tile: 32, vectors: true },
    { tile: 32, vectors: false },
  ] as const) {
    const variant = { ...layout, ...shape };
    variants.set(nameOf(variant), matmulProgram(variant));
  }
}
const adders = inBoth(addShares);

/** Those that training and sampling use: gradients of A·Bᵀ included, odd row lengths not. */
export const matmulPrograms: readonly Program[] = [
  ...[...variants.values()].filter(({ name }) => /^matmul\/(?!tt).*vec4f$/.test(name)),
  adders.vec4f,
];

/** Workgroups that keep a large GPU busy. */
const MANY = 256;
/** A share of the inner dimension is at least this long. */
const SHORTEST_SHARE = 256;

/** a · b, transposed as `attrs` say, and `plus`, which not all have: none when a is transposed. */
function multiply({ a, b, plus }: Inputs, attrs: Attributes, run: Run): TensorInfo {
  const [transA, transB] = [attrs['transA'] === 1, attrs['transB'] === 1];
  const [m, k] = transA ? [a!.shape[1]!, a!.shape[0]!] : [a!.shape[0]!, a!.shape[1]!];
  const n = transB ? b!.shape[0]! : b!.shape[1]!;
  const vectors = a!.shape[1]! % 4 === 0 && b!.shape[1]! % 4 === 0 && n % 4 === 0;
  const tiles = (tile: number): number => Math.ceil(m / tile) * Math.ceil(n / tile);
  // Weight gradients have few elements and sum over all tokens: shares of that sum in parallel, added
  // in order. Other products never split their sums, which would make a row depend on its batch.
  const shares = (tile: number): number =>
    transA
      ? Math.max(1, Math.min(Math.floor(k / SHORTEST_SHARE), Math.ceil(MANY / tiles(tile))))
      : 1;
  const tile = vectors && m > 32 && n > 32 && tiles(64) * shares(64) >= MANY / 2 ? 64 : 32;
  const share = Math.max(SLICE, Math.ceil(k / shares(tile) / SLICE) * SLICE);
  const parts = Math.max(1, Math.ceil(k / share));
  const grid: Workgroups = [Math.ceil(n / tile), Math.ceil(m / tile), parts];
  const out = run.output([m, n]);
  const c = parts === 1 ? out : run.scratch([parts, m, n]);
  const program = variants.get(nameOf({ transA, transB, tile, vectors }))!;
  run.launch(program, { a, b, plus, c }, { m, n, k, share, added: plus ? 1 : 0 }, grid);
  if (parts > 1) {
    const count = vectors ? (m * n) / 4 : m * n;
    const adder = vectors ? adders.vec4f : adders.f32;
    const groups = spread(Math.ceil(count / 64));
    run.launch(adder, { parts: c, out }, { count, shares: parts }, groups);
  }
  return out;
}

export const matmulKernels: Record<string, Kernel> = {
  StepMatMul: ({ a, b }, attrs, run) => multiply({ a, b }, attrs, run),
  /** a · b + plus, or a · bᵀ + plus. */
  StepMatMulAdd: (inputs, { transB }, run) => multiply(inputs, { transB }, run),
};
