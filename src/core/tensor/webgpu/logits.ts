/**
 * Log-probabilities, entropies, probabilities and drawn tokens of rows of logits (N, V), one workgroup per row. A row
 * is read once for its softmax: each thread keeps the largest logit x̂, Σ exp(x − x̂) and
 * Σ exp(x − x̂)·(x − x̂) of its part, from which log-sum-exp and entropy follow without large
 * numbers cancelling.
 */
import { spread, type Kernel, type Program } from './runtime.ts';

/** Threads per row: most of those of a short row would have nothing to do. */
const threadsFor = (vocabulary: number): number => (vocabulary < 1024 ? 64 : 256);

const PARAMS = { count: 'u32', vocabulary: 'u32', inverse: 'f32' } as const;

type Made = 'logProbs' | 'grad' | 'probs' | 'draw';

/** `body` runs per `row` with `first`, its place, and `stats` (x̂, Σ exp, Σ exp · (x − x̂)). */
const code = (threads: number, body: string, before = ''): string => /* wgsl */ `
var<workgroup> parts: array<vec3f, ${threads}>;

fn join(a: vec3f, b: vec3f) -> vec3f {
  let top = max(a.x, b.x);
  let da = a.x - top;
  let db = b.x - top;
  let ea = exp(da);
  let eb = exp(db);
  return vec3f(top, a.y * ea + b.y * eb, ea * (a.z + da * a.y) + eb * (b.z + db * b.y));
}

fn statsOf(first: u32, thread: u32) -> vec3f {
  var top = -1e30f;
  var sum = 0f;
  var moment = 0f;
  for (var at = thread; at < params.vocabulary; at += ${4 * threads}u) {
    var x = vec4f(-1e30);
    x.x = logits[first + at] * params.inverse;
    if (at + ${threads} < params.vocabulary) { x.y = logits[first + at + ${threads}] * params.inverse; }
    if (at + ${2 * threads} < params.vocabulary) { x.z = logits[first + at + ${2 * threads}] * params.inverse; }
    if (at + ${3 * threads} < params.vocabulary) { x.w = logits[first + at + ${3 * threads}] * params.inverse; }
    let newTop = max(max(max(x.x, x.y), max(x.z, x.w)), top);
    let down = top - newTop;
    let kept = exp(down);
    let shifted = x - newTop;
    let weights = exp(shifted);
    moment = kept * (moment + down * sum) + dot(weights, shifted);
    sum = kept * sum + dot(weights, vec4f(1));
    top = newTop;
  }
  parts[thread] = vec3f(top, sum, moment);
  for (var half = ${threads / 2}u; half > 0; half /= 2) {
    workgroupBarrier();
    if (thread < half) { parts[thread] = join(parts[thread], parts[thread + half]); }
  }
  workgroupBarrier();
  return parts[0];
}

@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = group.x + group.y * groups.x;
  if (row >= params.count) { return; }
  let first = row * params.vocabulary;
  ${before}
  let stats = statsOf(first, thread);
  ${body}
}`;

const entropy = 'log(stats.y) - stats.z / stats.y';

/**
 * Each thread takes a run of the vocabulary: its Σ exp and its first largest logit. The first thread finds the
 * run where the cumulative sum passes the uniform number, and the token in it. Where rounding leaves none, it
 * is the likeliest, as in wasm's kernel.
 */
const drawing = (threads: number): string => /* wgsl */ `
  let run = (params.vocabulary + ${threads - 1}) / ${threads};
  let begin = min(thread * run, params.vocabulary);
  let end = min(begin + run, params.vocabulary);
  var part = vec3f(0, -3e38, 0); // Σ exp, largest logit, its token
  for (var c = begin; c < end; c++) {
    let x = logits[first + c];
    part.x += exp(x * params.inverse - stats.x);
    if (x > part.y) { part = vec3f(part.x, x, f32(c)); }
  }
  workgroupBarrier(); // stats were read from there
  parts[thread] = part;
  workgroupBarrier();
  if (thread > 0) { return; }
  var best = parts[0];
  var total = best.x;
  for (var t = 1; t < ${threads}; t++) {
    total += parts[t].x;
    if (parts[t].y > best.y) { best = parts[t]; }
  }
  var token = u32(best.z);
  if (params.greedy == 0) {
    var left = uniforms[row] * total;
    for (var t = 0u; t < ${threads} && left >= 0; t++) {
      if (left >= parts[t].x) {
        left -= parts[t].x;
        continue;
      }
      for (var c = t * run; c < min((t + 1) * run, params.vocabulary) && left >= 0; c++) {
        left -= exp(logits[first + c] * params.inverse - stats.x);
        if (left < 0) { token = c; }
      }
    }
  }
  out[row] = f32(token);
  out[params.count + row] = (logits[first + token] * params.inverse - stats.x) - log(stats.y);
  out[2 * params.count + row] = ${entropy};`;

/** The programs for this vocabulary, by what they make. */
export function logitsPrograms(vocabulary: number): Record<Made, Program> {
  const threads = threadsFor(vocabulary);
  const each = (body: string): string =>
    `for (var c = thread; c < params.vocabulary; c += ${threads}) { ${body} }`;
  return {
    logProbs: {
      name: `tokenLogProbs/${threads}`,
      inputs: { logits: 'f32', tokens: 'i32' },
      outputs: { out: 'f32' },
      params: PARAMS,
      code: code(
        threads,
        /* wgsl */ `
  if (thread == 0) {
    let x = logits[first + u32(tokens[row])] * params.inverse;
    out[row] = (x - stats.x) - log(stats.y);
    out[params.count + row] = ${entropy};
  }`,
      ),
    },
    grad: {
      name: `tokenLogProbsGrad/${threads}`,
      inputs: { logits: 'f32', tokens: 'i32', dLogProbs: 'f32' },
      outputs: { dLogits: 'f32' },
      params: PARAMS,
      code: code(
        threads,
        /* wgsl */ `
  let token = u32(tokens[row]);
  ${each(/* wgsl */ `
    let p = exp(logits[first + c] * params.inverse - stats.x) / stats.y;
    dLogits[first + c] = g * (select(0f, 1f, c == token) - p);`)}`,
        /* wgsl */ `
  let g = dLogProbs[row] * params.inverse;
  if (g == 0) {
    ${each('dLogits[first + c] = 0;')}
    return;
  }`,
      ),
    },
    probs: {
      name: `softmaxEntropy/${threads}`,
      inputs: { logits: 'f32' },
      outputs: { probs: 'f32', entropies: 'f32' },
      params: PARAMS,
      code: code(
        threads,
        /* wgsl */ `
  if (thread == 0) { entropies[row] = ${entropy}; }
  ${each('probs[first + c] = exp(logits[first + c] * params.inverse - stats.x) / stats.y;')}`,
      ),
    },
    draw: {
      name: `drawTokens/${threads}`,
      inputs: { logits: 'f32', uniforms: 'f32' },
      outputs: { out: 'f32' },
      params: { ...PARAMS, greedy: 'u32' },
      code: code(threads, drawing(threads)),
    },
  };
}

const programs = new Map<number, ReturnType<typeof logitsPrograms>>();

function programsFor(vocabulary: number): ReturnType<typeof logitsPrograms> {
  const key = threadsFor(vocabulary);
  let made = programs.get(key);
  if (!made) programs.set(key, (made = logitsPrograms(vocabulary)));
  return made;
}

const shape = (logits: { shape: number[] }, temperature: number): Record<string, number> => ({
  count: logits.shape[0]!,
  vocabulary: logits.shape[1]!,
  inverse: 1 / temperature,
});

/** (2, N): log-probability of each row's token, and each row's entropy. */
export const tokenLogProbs: Kernel = ({ logits, tokens }, { temperature }, run) => {
  const values = shape(logits!, temperature!);
  const out = run.output([2, values['count']!]);
  const { logProbs } = programsFor(values['vocabulary']!);
  const tensors = { logits: logits!, tokens: tokens!, out };
  run.launch(logProbs, tensors, values, spread(values['count']!));
  return out;
};

/** dLogits (N, V) for the first row of dLogProbs (2, N): the entropy carries no gradient. */
export const tokenLogProbsGrad: Kernel = (inputs, { temperature }, run) => {
  const { logits, tokens, dLogProbs } = inputs;
  const values = shape(logits!, temperature!);
  const dLogits = run.output(logits!.shape);
  const { grad } = programsFor(values['vocabulary']!);
  const tensors = { logits: logits!, tokens: tokens!, dLogProbs: dLogProbs!, dLogits };
  run.launch(grad, tensors, values, spread(values['count']!));
  return dLogits;
};

/** Probabilities (N, V) and entropies (N). */
export const softmaxEntropy: Kernel = ({ logits }, { temperature }, run) => {
  const values = shape(logits!, temperature!);
  const probs = run.output(logits!.shape);
  const entropies = run.output([values['count']!]);
  const made = programsFor(values['vocabulary']!);
  const tensors = { logits: logits!, probs, entropies };
  run.launch(made.probs, tensors, values, spread(values['count']!));
  return [probs, entropies];
};

/** (3, N): one drawn token per row, its log-probability, the row's entropy. */
export const drawTokens: Kernel = ({ logits, uniforms }, { temperature, greedy }, run) => {
  const values: Record<string, number> = { ...shape(logits!, temperature!), greedy: greedy! };
  const out = run.output([3, values['count']!]);
  const { draw } = programsFor(values['vocabulary']!);
  run.launch(draw, { logits: logits!, uniforms: uniforms!, out }, values, spread(values['count']!));
  return out;
};
