/**
 * Attention for one new token per sample: its prompt, which samples share, then its own tokens. One
 * workgroup per sample and head; each thread goes through every 64th key with an online softmax of its
 * own, and the 64 results are added in a fixed order at the end. The new row also goes into the cache,
 * and is read from where it came, so that no workgroup waits for another.
 */
import { cutOf, repeat } from './attention-tiles.ts';
import type { Kernel, Program } from './runtime.ts';

const THREADS = 64;
/** vec4s of all threads' results that are added at a time, to need little workgroup memory. */
const WIDTH = 4;

/** One key and its value, at `at` (a row of qkv) in `source`. */
const absorb = (vectors: number, source: string, at: string): string => /* wgsl */ `
  let line = ${at} + (params.heads + kv) * HEAD;
  let sums = ${Array.from({ length: vectors }, (_, i) => `q${i} * ${source}[line + ${i}]`).join(' + ')};
  let score = ((sums.x + sums.y) + (sums.z + sums.w)) * factor;
  let newTop = max(top, score);
  let kept = exp2(top - newTop);
  let weight = exp2(score - newTop);
  top = newTop;
  total = total * kept + weight;
  let next = line + params.keyValueHeads * HEAD;
  ${repeat(vectors, (i) => `o${i} = o${i} * kept + weight * ${source}[next + ${i}];`)}`;

/** Adds `WIDTH` columns of the threads' results, in two steps, and writes them. */
const addUp = (vectors: number, first: number): string => {
  const width = Math.min(WIDTH, vectors - first);
  return /* wgsl */ `
  ${repeat(width, (c) => `parts[thread * ${WIDTH + 1} + ${c}] = o${first + c};`)}
  workgroupBarrier();
  var sum${first} = vec4f();
  for (var i = 0u; i < ${WIDTH}; i++) {
    sum${first} += parts[(thread / ${WIDTH} * ${WIDTH} + i) * ${WIDTH + 1} + thread % ${WIDTH}];
  }
  workgroupBarrier();
  parts[thread] = sum${first};
  workgroupBarrier();
  if (thread < ${width}) {
    var sum = vec4f();
    for (var i = 0u; i < ${THREADS / WIDTH}; i++) { sum += parts[i * ${WIDTH} + thread]; }
    out[(sample * params.heads + h) * HEAD + ${first} + thread] = sum * scale;
  }
  workgroupBarrier();`;
};

function code(vectors: number): string {
  const blocks = Array.from({ length: Math.ceil(vectors / WIDTH) }, (_, i) => i * WIDTH);
  return /* wgsl */ `
const HEAD = ${vectors}u;
var<workgroup> parts: array<vec4f, ${THREADS * (WIDTH + 1)}>;
var<workgroup> tops: array<f32, ${THREADS}>;
var<workgroup> totals: array<f32, ${THREADS}>;

@compute @workgroup_size(${THREADS})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let h = group.x;
  let sample = group.y;
  let perKey = params.heads / params.keyValueHeads;
  let kv = h / perKey;
  let stride = (params.heads + 2 * params.keyValueHeads) * HEAD;
  let row = sample * stride;
  let own = sample * params.capacity * stride;

  let here = own + params.step * stride;
  for (var c = thread; c < HEAD; c += ${THREADS}) {
    cache[here + h * HEAD + c] = qkv[row + h * HEAD + c];
    if (h % perKey == 0) {
      let key = (params.heads + kv) * HEAD + c;
      let value = key + params.keyValueHeads * HEAD;
      cache[here + key] = qkv[row + key];
      cache[here + value] = qkv[row + value];
    }
  }

  let factor = params.scale * 1.4426950408889634;
  ${repeat(vectors, (i) => `let q${i} = qkv[row + h * HEAD + ${i}]; var o${i} = vec4f();`)}
  var top = -1e30f;
  var total = 0f;
  let prompt = promptOf[sample];
  let length = u32(promptLength[prompt]);
  let first = u32(prompt) * params.promptRows * stride;
  for (var j = thread; j < length; j += ${THREADS}) {${absorb(vectors, 'prompts', 'first + j * stride')}
  }
  for (var j = thread; j < params.step; j += ${THREADS}) {${absorb(vectors, 'cache', 'own + j * stride')}
  }
  // The new token, for a thread that is likely to have had fewer.
  if (thread == ${THREADS - 1}) {${absorb(vectors, 'qkv', 'row')}
  }

  tops[thread] = top;
  workgroupBarrier();
  var highest = tops[0];
  for (var i = 1u; i < ${THREADS}; i++) { highest = max(highest, tops[i]); }
  let share = exp2(top - highest);
  totals[thread] = total * share;
  ${repeat(vectors, (i) => `o${i} *= share;`)}
  workgroupBarrier();
  var whole = 0f;
  for (var i = 0u; i < ${THREADS}; i++) { whole += totals[i]; }
  let scale = 1 / whole;
  ${blocks.map((from) => addUp(vectors, from)).join('\n')}
}`;
}

/** The program for heads of this size, a multiple of 4 up to 128. */
export function attentionDecodeProgram(headDim: number): Program {
  return {
    name: `attentionDecode/${headDim}`,
    inputs: { qkv: 'vec4f', prompts: 'vec4f', promptLength: 'i32', promptOf: 'i32' },
    outputs: { cache: 'vec4f', out: 'vec4f' },
    params: {
      ...{ promptRows: 'u32', capacity: 'u32', step: 'u32' },
      ...{ heads: 'u32', keyValueHeads: 'u32', scale: 'f32' },
    },
    code: code(cutOf(headDim).vectors),
  };
}

const programs = new Map<number, Program>();

/** out (R, H·headDim); writes the new rows into `cache` in place. */
export const attentionDecode: Kernel = (inputs, attrs, run) => {
  const { qkv, prompts, promptLength, promptOf, cache } = inputs;
  const { heads, headDim } = attrs as Record<string, number>;
  const samples = qkv!.shape[0]!;
  const out = run.output([samples, heads! * headDim!]);
  let program = programs.get(headDim!);
  if (!program) programs.set(headDim!, (program = attentionDecodeProgram(headDim!)));
  run.launch(
    program,
    {
      ...{ qkv: qkv!, prompts: prompts!, promptLength: promptLength!, promptOf: promptOf! },
      ...{ cache: cache!, out },
    },
    attrs as Record<string, number>,
    [heads!, samples],
  );
  return out;
};
