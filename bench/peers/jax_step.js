// The optimiser step of torch_step.py in jax-js on its wasm backend, jitted where it can be. In Node that is
// one thread: its pool needs the browser's `Worker`. It answers requests as serve.py does.
//
// Functions of jax-js consume their arguments; `.ref` keeps one for another use.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  blockUntilReady,
  defaultDevice,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from '@jax-js/jax';

/** Tensors of a safetensors file, as float32 arrays. */
function readTensors(path) {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, start).toString());
  const tensors = {};
  for (const [name, { shape, data_offsets: offsets }] of Object.entries(header)) {
    if (!offsets) continue;
    const own = bytes.buffer.slice(
      bytes.byteOffset + start + offsets[0],
      bytes.byteOffset + start + offsets[1],
    );
    tensors[name] = np.array(new Float32Array(own)).reshape(shape);
  }
  return tensors;
}

/** Matrices that read the same input are one, transposed once for all: fewer, larger products. */
function parametersOf(folder, config) {
  const theirs = readTensors(join(folder, 'model.safetensors'));
  const stacked = (p, names) =>
    np.transpose(
      np.concatenate(
        names.map((name) => theirs[`${p}${name}_proj.weight`]),
        0,
      ),
    );
  return {
    embed: theirs['model.embed_tokens.weight'],
    norm: theirs['model.norm.weight'],
    layers: Array.from({ length: config.num_hidden_layers }, (_, i) => {
      const p = `model.layers.${i}.`;
      return {
        norm1: theirs[`${p}input_layernorm.weight`],
        norm2: theirs[`${p}post_attention_layernorm.weight`],
        qkv: stacked(`${p}self_attn.`, ['q', 'k', 'v']),
        out: stacked(`${p}self_attn.`, ['o']),
        gateUp: stacked(`${p}mlp.`, ['gate', 'up']),
        down: stacked(`${p}mlp.`, ['down']),
      };
    }),
  };
}

function rotaryTables({
  head_dim: headDim,
  rope_theta: theta,
  max_position_embeddings: positions,
}) {
  const half = headDim / 2;
  const table = (of) =>
    np
      .array(
        Float32Array.from({ length: positions * half }, (_, i) =>
          of(Math.floor(i / half) * Math.pow(theta, -(i % half) / half)),
        ),
      )
      .reshape([positions, half]);
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

const rms = (x, weight, eps) => {
  const scale = np.mean(np.square(x.ref), -1, { keepdims: true }).add(eps);
  return x.div(np.sqrt(scale)).mul(weight);
};

function rotate(x, cos, sin) {
  const [a, b] = np.split(x, 2, -1);
  const first = a.ref.mul(cos.ref).sub(b.ref.mul(sin.ref));
  return np.concatenate([first, b.mul(cos).add(a.mul(sin))], -1);
}

/** nn.dotProductAttention needs Node 22 (its einsum calls `map` of an iterator). All (batch, length, heads, headDim). */
function attend(q, k, v, mask, repeat) {
  const headsFirst = (x, times) => np.repeat(np.transpose(x, [0, 2, 1, 3]), times, 1);
  const scale = 1 / Math.sqrt(q.shape[3]);
  const keys = np.transpose(headsFirst(k, repeat), [0, 1, 3, 2]);
  const scores = np.matmul(np.transpose(q.mul(scale), [0, 2, 1, 3]), keys);
  const weights = nn.softmax(np.where(mask, scores, -1e9), -1);
  return np.transpose(np.matmul(weights, headsFirst(v, repeat)), [0, 2, 1, 3]);
}

function layer(p, x, { cos, sin, mask }, c, [batch, length]) {
  const { num_attention_heads: heads, num_key_value_heads: kv, head_dim: headDim } = c;
  const qkv = np.matmul(rms(x.ref, p.norm1, c.rms_norm_eps), p.qkv);
  const all = qkv.reshape([batch, length, heads + 2 * kv, headDim]);
  const [q, k, v] = np.split(all, [heads, heads + kv], 2);
  const mixed = attend(rotate(q, cos.ref, sin.ref), rotate(k, cos, sin), v, mask, heads / kv);
  const y = x.add(np.matmul(mixed.reshape([batch * length, heads * headDim]), p.out));
  const wide = np.matmul(rms(y.ref, p.norm2, c.rms_norm_eps), p.gateUp);
  const [gate, up] = np.split(wide, 2, -1);
  return y.add(np.matmul(nn.silu(gate).mul(up), p.down));
}

/**
 * What a step of these shapes does. Gathers stay outside of jitted functions: inside, their gradients are
 * refused ("routine primitive scatter input is not imm").
 */
function stepOf(config, shape) {
  const body = jit((layers, norm, x, shared) => {
    let y = x;
    for (const p of layers) y = layer(p, y, tree.ref(shared), config, shape);
    tree.dispose(shared);
    return rms(y, norm, config.rms_norm_eps);
  });
  const head = jit((hidden, embed, targets, advantages) => {
    const logits = np.matmul(hidden, np.transpose(embed));
    const total = nn.logsumexp(logits.ref, 1);
    const own = np.sum(logits.mul(nn.oneHot(targets, config.vocab_size)), 1);
    const chosen = own.sub(total);
    const ratio = np.exp(chosen.ref.sub(lax.stopGradient(chosen.ref)));
    const clipped = np.clip(ratio.ref, 0.8, 1.2).mul(advantages.ref);
    const gain = np.minimum(ratio.mul(advantages), clipped);
    return [np.mean(gain).neg(), lax.stopGradient(np.mean(chosen))];
  });
  const gradients = valueAndGrad(
    ({ embed, norm, layers }, { tokens, shared, rows, targets, advantages }) => {
      const x = np.take(embed.ref, tokens, 0);
      const hidden = np.take(body(layers, norm, x, shared), rows, 0);
      return head(hidden, embed, targets, advantages);
    },
    { hasAux: true },
  );
  return (state, data) => {
    const [[loss, logProb], grads] = gradients(tree.ref(state.parameters), tree.ref(data));
    const count = np.array(++state.count);
    const { norm, ...next } = update(state.parameters, state.m, state.v, count, grads);
    Object.assign(state, next);
    return { loss, logProb, norm };
  };
}

/** Clipping and AdamW at a rate of 0: all the work, always on the same weights. */
const update = jit((parameters, m, v, count, grads) => {
  const squares = tree.leaves(tree.ref(grads)).map((g) => np.sum(np.square(g)));
  const norm = np.sqrt(squares.reduce((a, b) => a.add(b)));
  const factor = np.minimum(np.array(1).div(norm.ref.add(1e-6)), 1);
  const clipped = tree.map((g) => g.mul(factor.ref), grads);
  const m1 = tree.map((a, g) => a.mul(0.9).add(g.mul(0.1)), m, tree.ref(clipped));
  const v1 = tree.map((a, g) => a.mul(0.999).add(np.square(g).mul(0.001)), v, clipped);
  const correction = (beta) => np.array(1).sub(np.power(beta, count.ref));
  const [c1, c2] = [correction(0.9), correction(0.999)];
  const changed = (p, a, b) => {
    const change = a.div(c1.ref).div(np.sqrt(b.div(c2.ref)).add(1e-8));
    return p.sub(change.mul(0));
  };
  const next = tree.map(changed, parameters, tree.ref(m1), tree.ref(v1));
  tree.dispose([factor, c1, c2, count]);
  return { norm, parameters: next, m: m1, v: v1 };
});

const ints = (values) => np.array(Int32Array.from(values));

/** Rows of the bench, in which every prompt is computed once. */
function packedBatch({ batch, length, ...packed }) {
  const seen = new Float32Array(batch * length * length);
  for (let r = 0; r < batch * length; r++) {
    const inside = (j) =>
      (j >= packed.prefixStart[r] && j < packed.prefixEnd[r]) ||
      (j >= packed.segmentStart[r] && j <= r % length);
    for (let j = 0; j < length; j++) seen[r * length + j] = Number(inside(j));
  }
  return {
    shape: [batch, length],
    tokens: packed.tokens,
    position: packed.position,
    mask: np.array(seen).reshape([batch, 1, length, length]).greater(0),
    rows: packed.rows,
  };
}

let session;

async function step() {
  const { run, state, data } = session;
  const told = run(state, data);
  await blockUntilReady([state.parameters, state.m, state.v]);
  const read = async (x) => (await x.data())[0];
  return {
    loss: await read(told.loss),
    logProb: await read(told.logProb),
    gradNorm: await read(told.norm),
  };
}

const handlers = {
  async load({ folder, packed, advantages, items }) {
    if (session) {
      tree.dispose([session.state.parameters, session.state.m, session.state.v, session.data]);
    }
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    const parameters = parametersOf(folder, config);
    const zeros = () => tree.map((p) => np.zerosLike(p), tree.ref(parameters));
    const { shape, tokens, position, mask, rows } = packedBatch(packed);
    const completions = items.flatMap((item) => item.completions);
    const { cos, sin } = rotaryTables(config);
    const angles = (table) =>
      np.take(table, ints(position), 0).reshape([...shape, 1, config.head_dim / 2]);
    session = {
      run: stepOf(config, shape),
      state: { parameters, m: zeros(), v: zeros(), count: 0 },
      data: {
        shared: { mask, cos: angles(cos), sin: angles(sin) },
        ...{ tokens: ints(tokens), rows: ints(rows), targets: ints(completions.flat()) },
        advantages: np.array(
          Float32Array.from(completions.flatMap((c, i) => c.map(() => advantages[i]))),
        ),
      },
    };
    return step();
  },
  async run() {
    const start = performance.now();
    await step();
    return { seconds: (performance.now() - start) / 1000 };
  },
};

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

await init('wasm');
defaultDevice('wasm');
answer({ ready: {} });
for await (const line of createInterface(process.stdin)) {
  const { op, ...request } = JSON.parse(line);
  try {
    answer(await handlers[op](request));
  } catch (error) {
    answer({ error: String(error) });
  }
}
