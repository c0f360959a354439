/**
 * What the attention programs are built from: blocks of 32 tokens by 32 tokens, worked on by 64 threads.
 * A block of one side and one of the other lie in workgroup memory, at most 32 dimensions of the heads at
 * a time; wider heads take several such chunks. Scores are 4 × 4 per thread, so that each number read
 * from workgroup memory is used four times. Programs are written out per head size: no loop over an
 * array of registers is left to the compiler.
 *
 * A thread has `ty` and `tx`, each 0…7. Of a block of scores it owns the rows 4·ty… and the columns 4·tx…
 */
import { badInput } from '../../errors.ts';

/** Tokens in a block. */
export const BLOCK = 32;
export const THREADS = 64;

/** The largest head whose sums fit in registers. */
const MAXIMUM_HEAD_DIM = 128;

/** How heads of one size are cut. */
export interface Cut {
  headDim: number;
  /** vec4s in a head. */
  vectors: number;
  /** vec4s in a chunk. */
  width: number;
  chunks: number;
}

export function cutOf(headDim: number): Cut {
  if (headDim % 4 !== 0 || headDim < 4 || headDim > MAXIMUM_HEAD_DIM) {
    throw badInput('head_dim', headDim, `a multiple of 4, at most ${MAXIMUM_HEAD_DIM}`);
  }
  const width = headDim <= 16 ? 4 : 8;
  const vectors = headDim / 4;
  return { headDim, vectors, width, chunks: Math.ceil(vectors / width) };
}

/** `f(0)`, `f(1)`, … one after the other. */
export const repeat = (count: number, f: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => f(i)).join('\n');

/** A line longer than its chunk, so that eight threads reading one column meet different banks. */
const line = ({ width }: Cut): number => width + 1;

/** vec4s in a line of weights: 32 columns, and one to spread over the banks. */
const WEIGHTS_LINE = BLOCK / 4 + 1;

/** Rows of the result each thread owns in `accumulate`. */
export const ownRows = ({ width }: Cut): number => (BLOCK * width) / THREADS;

/**
 * Constants, workgroup memory and the functions about visibility.
 *
 * `rows` holds a chunk of the rows' side, or the weights of a block; `columns` a chunk of the other side,
 * with column 4·x + n in line 8·n + x. `exchange` is for sums over the eight threads of a row.
 */
export const common = (cut: Cut): string => /* wgsl */ `
const HEAD = ${cut.vectors}u;
const LOG2E = 1.4426950408889634f;
/** Stands for the score of what is not seen. */
const UNSEEN = -1e30f;

var<workgroup> rows: array<vec4f, ${BLOCK * WEIGHTS_LINE}>;
var<workgroup> columns: array<vec4f, ${BLOCK * line(cut)}>;
var<workgroup> exchange: array<vec4f, ${THREADS}>;
/** Of the queries of a block: prefix from, to; segment from, to (with its end). */
var<workgroup> ranges: array<vec4i, ${BLOCK}>;
/** Blocks some query sees: their number times two, and one where every query sees all of it. */
var<workgroup> list: array<u32, ${THREADS}>;
var<workgroup> found: array<atomic<u32>, 2>;
var<workgroup> listed: u32;

fn rangeOf(row: u32, i: u32) -> vec4i {
  if (i >= params.length) { return vec4i(0, 0, 1, 0); }
  let at = row * params.length + i;
  return vec4i(prefixStart[at], prefixEnd[at], segmentStart[at], i32(i));
}

fn sees(range: vec4i, j: i32) -> bool {
  return (j >= range.x && j < range.y) || (j >= range.z && j <= range.w);
}

/** 1 when the query sees part of the keys from…from + 31, 3 when it sees them all. */
fn overlap(range: vec4i, first: i32) -> u32 {
  let last = first + ${BLOCK - 1};
  let prefix = range.x < range.y && range.x <= last && range.y > first;
  let own = range.z <= range.w && range.z <= last && range.w >= first;
  let every = (range.x <= first && range.y > last) || (range.z <= first && range.w >= last);
  return select(0u, 1u, prefix || own) | select(0u, 2u, every);
}

/** Lists the blocks for which a thread brought 1 (seen) or 3 (seen by all); returns how many. */
fn collect(thread: u32, block: u32, seen: u32) -> u32 {
  if (thread < 2) { atomicStore(&found[thread], 0u); }
  workgroupBarrier();
  if (seen != 0) { atomicOr(&found[thread / 32], 1u << (thread % 32)); }
  workgroupBarrier();
  let low = atomicLoad(&found[0]);
  let high = atomicLoad(&found[1]);
  let below = (1u << (thread % 32)) - 1;
  let before = select(countOneBits(low) + countOneBits(high & below), countOneBits(low & below), thread < 32);
  if (seen != 0) { list[before] = block * 2 + select(0u, 1u, seen == 3); }
  if (thread == 0) { listed = countOneBits(low) + countOneBits(high); }
  return workgroupUniformLoad(&listed);
}

/** Σ over the eight threads of the row, in the same order for each of them. */
fn sumOfRow(thread: u32, value: vec4f) -> vec4f {
  workgroupBarrier();
  exchange[thread] = value;
  workgroupBarrier();
  let first = thread & ~7u;
  return ((exchange[first] + exchange[first + 1]) + (exchange[first + 2] + exchange[first + 3]))
    + ((exchange[first + 4] + exchange[first + 5]) + (exchange[first + 6] + exchange[first + 7]));
}

fn maximumOfRow(thread: u32, value: vec4f) -> vec4f {
  exchange[thread] = value;
  workgroupBarrier();
  let first = thread & ~7u;
  return max(
    max(max(exchange[first], exchange[first + 1]), max(exchange[first + 2], exchange[first + 3])),
    max(max(exchange[first + 4], exchange[first + 5]), max(exchange[first + 6], exchange[first + 7])));
}

fn maximum(x: vec4f) -> f32 { return max(max(x.x, x.y), max(x.z, x.w)); }
`;

/** Which threads do what, and of which row of the batch. */
export const threads = (cut: Cut): string => /* wgsl */ `
  let tx = thread % 8;
  let ty = thread / 8;
  /** Column and first row of what the thread owns of a result. */
  let column = thread % ${cut.width}u;
  let ownRow = thread / ${cut.width}u * ${ownRows(cut)}u;
`;

/**
 * Loads chunk `chunk` of 32 lines into `rows` or `columns`: of the array `source`, line `t` of which
 * begins at `start(t)`, from token `first`; zeros beyond the row and beyond the head.
 */
export function load(
  cut: Cut,
  into: 'rows' | 'columns',
  chunk: number,
  first: string,
  source: string,
  start: (t: string) => string,
): string {
  const { width } = cut;
  const token = into === 'rows' ? 'at' : 'at % 8 * 4 + at / 8';
  return /* wgsl */ `
  for (var e = thread; e < ${BLOCK * width}u; e += ${THREADS}u) {
    let at = e / ${width}u;
    let c = e % ${width}u;
    let t = ${first} + ${token};
    var value = vec4f();
    if (t < params.length && c + ${chunk * width}u < HEAD) {
      value = ${source}[${start('t')} + ${chunk * width}u + c];
    }
    ${into}[at * ${line(cut)}u + c] = value;
  }`;
}

/** Adds the products of the chunks in `rows` and `columns` to `s`0…3, one vec4 per row. */
export const multiply = (cut: Cut, s: string): string => /* wgsl */ `
  for (var c = 0u; c < ${cut.width}u; c++) {
    let b0 = columns[tx * ${line(cut)}u + c];
    let b1 = columns[(tx + 8) * ${line(cut)}u + c];
    let b2 = columns[(tx + 16) * ${line(cut)}u + c];
    let b3 = columns[(tx + 24) * ${line(cut)}u + c];
    let bx = vec4f(b0.x, b1.x, b2.x, b3.x);
    let by = vec4f(b0.y, b1.y, b2.y, b3.y);
    let bz = vec4f(b0.z, b1.z, b2.z, b3.z);
    let bw = vec4f(b0.w, b1.w, b2.w, b3.w);
    ${repeat(
      4,
      (m) => `let a${m} = rows[(ty * 4 + ${m}) * ${line(cut)}u + c];
    ${s}${m} += a${m}.x * bx; ${s}${m} += a${m}.y * by; ${s}${m} += a${m}.z * bz; ${s}${m} += a${m}.w * bw;`,
    )}
  }`;

/** Puts `\${w}0…3` (4 columns of one row each) where `accumulate` expects the weights. */
export const putWeights = (w: string): string =>
  repeat(4, (m) => `  rows[(ty * 4 + ${m}) * ${WEIGHTS_LINE}u + tx] = ${w}${m};`);

/** Adds weights · the chunk in `columns` to `\${into}\${chunk}_0…`, one vec4 per row that the thread owns. */
export const accumulate = (cut: Cut, into: string, chunk: number): string => /* wgsl */ `
  for (var j = 0u; j < 8; j++) {
    let v0 = columns[j * ${line(cut)}u + column];
    let v1 = columns[(j + 8) * ${line(cut)}u + column];
    let v2 = columns[(j + 16) * ${line(cut)}u + column];
    let v3 = columns[(j + 24) * ${line(cut)}u + column];
    ${repeat(
      ownRows(cut),
      (m) => `let w${m} = rows[(ownRow + ${m}) * ${WEIGHTS_LINE}u + j];
    ${into}${chunk}_${m} += w${m}.x * v0; ${into}${chunk}_${m} += w${m}.y * v1;
    ${into}${chunk}_${m} += w${m}.z * v2; ${into}${chunk}_${m} += w${m}.w * v3;`,
    )}
  }`;

/** Declares what `accumulate` adds to. */
export const accumulators = (cut: Cut, name: string): string =>
  repeat(cut.chunks, (c) => repeat(ownRows(cut), (m) => `  var ${name}${c}_${m} = vec4f();`));

/** Writes what `accumulate` made, times `factor(row)`, to lines of `target` that begin at `start(t)`. */
export const store = (
  cut: Cut,
  name: string,
  first: string,
  target: string,
  start: (t: string) => string,
  factor: (m: number) => string = () => '1f',
): string =>
  repeat(
    ownRows(cut),
    (m) => /* wgsl */ `
  {
    let t = ${first} + ownRow + ${m};
    if (t < params.length) {
      ${repeat(
        cut.chunks,
        (c) => `if (column + ${c * cut.width}u < HEAD) {
        ${target}[${start('t')} + ${c * cut.width}u + column] = ${name}${c}_${m} * ${factor(m)};
      }`,
      )}
    }
  }`,
  );

/** Lists the blocks from `base` on in which some query sees some key; declares their `count`. */
export const candidates = (firstKey: string, range: string): string => /* wgsl */ `
    let candidate = base + thread;
    var some = 0u;
    var every = 0u;
    if (candidate < blocks) {
      every = 2u;
      for (var i = 0u; i < ${BLOCK}; i++) {
        let seen = overlap(${range}, ${firstKey});
        some |= seen & 1;
        every &= seen;
      }
    }
    let count = collect(thread, candidate, some | every);`;

/** Which of the columns from `j` on a query sees. */
export const seenColumns = (range: string): string =>
  `vec4<bool>(sees(${range}, j), sees(${range}, j + 1), sees(${range}, j + 2), sees(${range}, j + 3))`;

export const PARAMS = {
  length: 'u32',
  heads: 'u32',
  keyValueHeads: 'u32',
  /** vec4s in a row of qkv. */
  stride: 'u32',
  scale: 'f32',
} as const;

export const BARRIER = '\n  workgroupBarrier();';
