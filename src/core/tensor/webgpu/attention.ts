/**
 * Grouped-query attention over rows of (query heads | key heads | value heads), where a token sees two
 * ranges of its row. One workgroup per 32 queries of one head: it goes through the blocks of keys that
 * any of them sees with an online softmax (Milakov & Gimelshein 2018; Dao et al. 2022), so that no T × T
 * matrix exists.
 */
import * as tile from './attention-tiles.ts';
import { BARRIER, BLOCK, type Cut } from './attention-tiles.ts';
import type { Kernel, Program } from './runtime.ts';

/** Of the rows a thread owns of the result, from `factors` (one number per row, four to a vec4). */
const factorOf =
  (cut: Cut) =>
  (m: number): string => {
    if (tile.ownRows(cut) === 4) return `f[${m}]`;
    return `select(f.${'xy'[m]!}, f.${'zw'[m]!}, ownRow % 4 != 0)`;
  };

function code(cut: Cut): string {
  const chunks = (f: (c: number) => string): string => tile.repeat(cut.chunks, f);
  const head = (offset: string) => (t: string) =>
    `(start + ${t}) * params.stride + (${offset}) * HEAD`;
  const query = head('h');
  const key = head('params.heads + kv');
  const value = head('params.heads + params.keyValueHeads + kv');
  const factor = factorOf(cut);
  return /* wgsl */ `${tile.common(cut)}
/** What each row's result is multiplied by. */
var<workgroup> factors: array<vec4f, ${BLOCK / 4}>;

@compute @workgroup_size(${tile.THREADS})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  ${tile.threads(cut)}
  // The last queries see most: begin with them.
  let firstQuery = (groups.x - 1 - group.x) * ${BLOCK};
  let h = group.y;
  let kv = h / (params.heads / params.keyValueHeads);
  let start = group.z * params.length;
  let factor = params.scale * LOG2E;
  if (thread < ${BLOCK}) { ranges[thread] = rangeOf(group.z, firstQuery + thread); }
  workgroupBarrier();

  var top = vec4f(UNSEEN);
  var total = vec4f();
  ${tile.accumulators(cut, 'o')}
  let blocks = (params.length + ${BLOCK - 1}) / ${BLOCK};
  for (var base = 0u; base < blocks; base += ${tile.THREADS}) {
    ${tile.candidates('i32(candidate * 32)', 'ranges[i]')}
    for (var n = 0u; n < count; n++) {
      let block = list[n];
      let first = block / 2 * ${BLOCK};
      let j = i32(first + tx * 4);
      ${tile.repeat(4, (m) => `var s${m} = vec4f();`)}
      ${chunks(
        (c) =>
          tile.load(cut, 'rows', c, 'firstQuery', 'qkv', query) +
          tile.load(cut, 'columns', c, 'first', 'qkv', key) +
          BARRIER +
          tile.multiply(cut, 's') +
          (c + 1 < cut.chunks ? BARRIER : ''),
      )}
      ${tile.repeat(4, (m) => `s${m} *= factor;`)}
      if (block % 2 == 0) {
        ${tile.repeat(
          4,
          (m) => `let range${m} = ranges[ty * 4 + ${m}];
        s${m} = select(vec4f(UNSEEN), s${m}, ${tile.seenColumns(`range${m}`)});`,
        )}
      }
      let highest = maximumOfRow(thread,
        vec4f(maximum(s0), maximum(s1), maximum(s2), maximum(s3)));
      let newTop = max(top, highest);
      let kept = exp2(top - newTop);
      top = newTop;
      ${tile.repeat(
        4,
        (m) => `s${m} = select(vec4f(), exp2(s${m} - newTop[${m}]), s${m} > vec4f(0.5 * UNSEEN));`,
      )}
      let ones = vec4f(1);
      total = total * kept + vec4f(dot(s0, ones), dot(s1, ones), dot(s2, ones), dot(s3, ones));
      ${tile.putWeights('s')}
      if (tx == 0) { factors[ty] = kept; }
      ${chunks(
        (c) =>
          tile.load(cut, 'columns', c, 'first', 'qkv', value) +
          BARRIER +
          `\n  { let f = factors[ownRow / 4];
    ${tile.repeat(tile.ownRows(cut), (m) => `o${c}_${m} *= ${factor(m)};`)} }` +
          tile.accumulate(cut, 'o', c) +
          BARRIER,
      )}
    }
  }

  total = sumOfRow(thread, total);
  if (tx == 0) {
    factors[ty] = select(vec4f(), 1 / total, total > vec4f());
    // Whoever sees nothing gets weights of zero from this.
    let logSum = select(vec4f(-UNSEEN), top + log2(total), total > vec4f());
    let t = firstQuery + ty * 4;
    ${tile.repeat(
      4,
      (m) =>
        `if (t + ${m} < params.length) { stats[(start + t + ${m}) * params.heads + h] = vec2f(logSum[${m}], 0); }`,
    )}
  }
  workgroupBarrier();
  let f = factors[ownRow / 4];
  ${tile.store(cut, 'o', 'firstQuery', 'out', (t) => `((start + ${t}) * params.heads + h) * HEAD`, factor)}
}`;
}

/** The program for heads of this size, a multiple of 4 up to 128. */
export function attentionProgram(headDim: number): Program {
  return {
    name: `attention/${headDim}`,
    inputs: { qkv: 'vec4f', prefixStart: 'i32', prefixEnd: 'i32', segmentStart: 'i32' },
    outputs: { out: 'vec4f', stats: 'vec2f' },
    params: tile.PARAMS,
    code: code(tile.cutOf(headDim)),
  };
}

const programs = new Map<number, Program>();

/**
 * out (B·T, H·headDim) and stats (B·T, 2·H): per query and head log₂ Σ 2^(score · log₂ e), and room for
 * what the gradient keeps there.
 */
export const attention: Kernel = (inputs, attrs, run) => {
  const { qkv, prefixStart, prefixEnd, segmentStart } = inputs;
  const { batch, length, heads, keyValueHeads, headDim, scale } = attrs as Record<string, number>;
  const tokens = qkv!.shape[0]!;
  const out = run.output([tokens, heads! * headDim!]);
  const stats = run.output([tokens, heads! * 2]);
  let program = programs.get(headDim!);
  if (!program) programs.set(headDim!, (program = attentionProgram(headDim!)));
  const stride = qkv!.shape[1]! / 4;
  run.launch(
    program,
    {
      qkv: qkv!,
      prefixStart: prefixStart!,
      prefixEnd: prefixEnd!,
      segmentStart: segmentStart!,
      out,
      stats,
    },
    { length: length!, heads: heads!, keyValueHeads: keyValueHeads!, stride, scale: scale! },
    [Math.ceil(length! / BLOCK), heads!, batch!],
  );
  return [out, stats];
};
