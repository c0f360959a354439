/**
 * Gradient of attention.ts in two launches, without atomics: one workgroup per 32 queries of a head for
 * their gradient, and one per 32 keys of a key head, which goes through the queries that see them. Both
 * recompute the weights from what the forward pass kept in `stats`.
 */
import * as tile from './attention-tiles.ts';
import { BARRIER, BLOCK, type Cut } from './attention-tiles.ts';
import type { Kernel, Program } from './runtime.ts';

const head = (offset: string) => (t: string) =>
  `(start + ${t}) * params.stride + (${offset}) * HEAD`;
const query = head('h');
const key = head('params.heads + kv');
const value = head('params.heads + params.keyValueHeads + kv');
const output = (t: string): string => `((start + ${t}) * params.heads + h) * HEAD`;

const entry = (cut: Cut): string => /* wgsl */ `
@compute @workgroup_size(${tile.THREADS})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  ${tile.threads(cut)}
  let start = group.z * params.length;
  let factor = params.scale * LOG2E;
  let blocks = (params.length + ${BLOCK - 1}) / ${BLOCK};`;

const zeros = (name: string): string => tile.repeat(4, (m) => `var ${name}${m} = vec4f();`);

/** d query: also leaves Σ dOut · out of each query and head in `stats` for the other launch. */
function queryCode(cut: Cut): string {
  const chunks = (f: (c: number) => string): string => tile.repeat(cut.chunks, f);
  return /* wgsl */ `${tile.common(cut)}
${entry(cut)}
  let firstQuery = (groups.x - 1 - group.x) * ${BLOCK};
  let h = group.y;
  let kv = h / (params.heads / params.keyValueHeads);
  if (thread < ${BLOCK}) { ranges[thread] = rangeOf(group.z, firstQuery + thread); }

  var logSum = vec4f();
  var mean = vec4f();
  ${tile.repeat(
    4,
    (m) => /* wgsl */ `
  let t${m} = firstQuery + ty * 4 + ${m};
  if (t${m} < params.length) {
    logSum[${m}] = stats[(start + t${m}) * params.heads + h].x;
    for (var c = tx; c < HEAD; c += 8) {
      mean[${m}] += dot(out[${output(`t${m}`)} + c], dOut[${output(`t${m}`)} + c]);
    }
  }`,
  )}
  mean = sumOfRow(thread, mean);
  if (tx == 0) {
    ${tile.repeat(
      4,
      (m) =>
        `if (t${m} < params.length) { stats[(start + t${m}) * params.heads + h].y = mean[${m}]; }`,
    )}
  }

  ${tile.accumulators(cut, 'dq')}
  for (var base = 0u; base < blocks; base += ${tile.THREADS}) {
    ${tile.candidates('i32(candidate * 32)', 'ranges[i]')}
    for (var n = 0u; n < count; n++) {
      let block = list[n];
      let first = block / 2 * ${BLOCK};
      let j = i32(first + tx * 4);
      ${zeros('s')}
      ${zeros('d')}
      ${chunks(
        (c) =>
          tile.load(cut, 'rows', c, 'firstQuery', 'dOut', output) +
          tile.load(cut, 'columns', c, 'first', 'qkv', value) +
          BARRIER +
          tile.multiply(cut, 'd') +
          BARRIER +
          tile.load(cut, 'rows', c, 'firstQuery', 'qkv', query) +
          tile.load(cut, 'columns', c, 'first', 'qkv', key) +
          BARRIER +
          tile.multiply(cut, 's') +
          BARRIER,
      )}
      ${tile.repeat(
        4,
        (m) => /* wgsl */ `
      s${m} = exp2(s${m} * factor - logSum[${m}]);
      if (block % 2 == 0) {
        let range = ranges[ty * 4 + ${m}];
        s${m} = select(vec4f(), s${m}, ${tile.seenColumns('range')});
      }
      d${m} = s${m} * (d${m} - mean[${m}]) * params.scale;`,
      )}
      ${tile.putWeights('d')}
      ${chunks(
        (c) =>
          (cut.chunks > 1 ? tile.load(cut, 'columns', c, 'first', 'qkv', key) : '') +
          BARRIER +
          tile.accumulate(cut, 'dq', c) +
          BARRIER,
      )}
    }
  }
  ${tile.store(cut, 'dq', 'firstQuery', 'dQkv', query)}
}`;
}

/** d key and d value. Here keys are rows and queries columns. */
function keyCode(cut: Cut): string {
  const chunks = (f: (c: number) => string): string => tile.repeat(cut.chunks, f);
  const again = (c: number, source: string, at: (t: string) => string): string =>
    tile.load(cut, 'columns', c, 'first', source, at) + BARRIER;
  return /* wgsl */ `${tile.common(cut)}
/** Of the queries of a block: their statistics. */
var<workgroup> logSums: array<f32, ${BLOCK}>;
var<workgroup> means: array<f32, ${BLOCK}>;
${entry(cut)}
  let firstKey = group.x * ${BLOCK};
  let kv = group.y;
  let perKey = params.heads / params.keyValueHeads;
  ${tile.accumulators(cut, 'dk')}
  ${tile.accumulators(cut, 'dv')}
  for (var base = 0u; base < blocks; base += ${tile.THREADS}) {
    ${tile.candidates('i32(firstKey)', 'rangeOf(group.z, candidate * 32 + i)')}
    for (var h = kv * perKey; h < (kv + 1) * perKey; h++) {
      for (var n = 0u; n < count; n++) {
        let block = list[n];
        let first = block / 2 * ${BLOCK};
        if (thread < ${BLOCK}) {
          let t = first + thread;
          ranges[thread] = rangeOf(group.z, t);
          let stat = select(vec2f(), stats[(start + min(t, params.length - 1)) * params.heads + h], t < params.length);
          logSums[thread] = stat.x;
          means[thread] = stat.y;
        }
        ${zeros('s')}
        ${zeros('d')}
        ${chunks(
          (c) =>
            tile.load(cut, 'rows', c, 'firstKey', 'qkv', key) +
            again(c, 'qkv', query) +
            tile.multiply(cut, 's') +
            BARRIER +
            tile.load(cut, 'rows', c, 'firstKey', 'qkv', value) +
            again(c, 'dOut', output) +
            tile.multiply(cut, 'd') +
            BARRIER,
        )}
        let at = tx * 4;
        let logSum = vec4f(logSums[at], logSums[at + 1], logSums[at + 2], logSums[at + 3]);
        let mean = vec4f(means[at], means[at + 1], means[at + 2], means[at + 3]);
        ${tile.repeat(
          4,
          (m) => /* wgsl */ `
        s${m} = exp2(s${m} * factor - logSum);
        if (block % 2 == 0) {
          let j = i32(firstKey + ty * 4 + ${m});
          s${m} = select(vec4f(), s${m}, vec4<bool>(
            sees(ranges[at], j), sees(ranges[at + 1], j), sees(ranges[at + 2], j), sees(ranges[at + 3], j)));
        }
        d${m} = s${m} * (d${m} - mean) * params.scale;`,
        )}
        ${tile.putWeights('s')}
        ${chunks(
          (c) =>
            (cut.chunks > 1 ? again(c, 'dOut', output) : BARRIER) +
            tile.accumulate(cut, 'dv', c) +
            BARRIER,
        )}
        ${tile.putWeights('d')}
        ${chunks((c) => again(c, 'qkv', query) + tile.accumulate(cut, 'dk', c) + BARRIER)}
      }
    }
  }
  ${tile.store(cut, 'dk', 'firstKey', 'dQkv', key)}
  ${tile.store(cut, 'dv', 'firstKey', 'dQkv', value)}
}`;
}

const VISIBILITY = { prefixStart: 'i32', prefixEnd: 'i32', segmentStart: 'i32' } as const;

/** The two programs for heads of this size, in the order they run. */
export function attentionGradPrograms(headDim: number): [Program, Program] {
  const cut = tile.cutOf(headDim);
  const common = { params: tile.PARAMS };
  return [
    {
      ...common,
      name: `attentionGradQuery/${headDim}`,
      inputs: { qkv: 'vec4f', ...VISIBILITY, out: 'vec4f', dOut: 'vec4f' },
      outputs: { stats: 'vec2f', dQkv: 'vec4f' },
      code: queryCode(cut),
    },
    {
      ...common,
      name: `attentionGradKey/${headDim}`,
      inputs: { qkv: 'vec4f', ...VISIBILITY, stats: 'vec2f', dOut: 'vec4f' },
      outputs: { dQkv: 'vec4f' },
      code: keyCode(cut),
    },
  ];
}

const programs = new Map<number, [Program, Program]>();

/** dQkv like qkv. Needs `out` of the forward pass beside what the wasm kernel takes. */
export const attentionGrad: Kernel = (inputs, attrs, run) => {
  const { qkv, prefixStart, prefixEnd, segmentStart, stats, out, dOut } = inputs;
  const { batch, length, heads, keyValueHeads, headDim, scale } = attrs as Record<string, number>;
  const dQkv = run.output(qkv!.shape);
  let pair = programs.get(headDim!);
  if (!pair) programs.set(headDim!, (pair = attentionGradPrograms(headDim!)));
  const tensors = { qkv, prefixStart, prefixEnd, segmentStart, stats, out, dOut, dQkv };
  const stride = qkv!.shape[1]! / 4;
  const values = { length, heads, keyValueHeads, stride, scale };
  pair.forEach((program, i) => {
    const counts = [Math.ceil(length! / BLOCK), i === 0 ? heads! : keyValueHeads!, batch!] as const;
    run.launch(
      program,
      tensors as Parameters<typeof run.launch>[1],
      values as Record<string, number>,
      counts,
    );
  });
  return dQkv;
};
