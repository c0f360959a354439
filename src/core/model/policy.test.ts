import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tf, type Tensor1D } from '#tfjs';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import { Stream } from '../random/stream.ts';
import { adamW, usePlain } from '../tensor/ops.ts';
import { savePolicy } from './checkpoint.ts';
import { pack, toTensors } from './pack.ts';
import { initPolicy, type Policy } from './policy.ts';
import { readSafetensors } from './safetensors.ts';
import { distance, someTokens, tinyConfig, tinyPolicy } from './tiny.test-helper.ts';

beforeAll(startNumericBackend);
afterEach(() => usePlain(false));

type Matrix = number[][];

/**
 * transformers' LlamaForCausalLM and Qwen2ForCausalLM written out on arrays of doubles, from a
 * checkpoint's own files: logits (T, V) of one text.
 */
async function reference(policy: Policy, tokens: Int32Array): Promise<Matrix> {
  const c = policy.config;
  const tensors = readSafetensors((await savePolicy(policy))['model.safetensors']!);
  const vector = (name: string): number[] => Array.from(tensors.get(name)!.data);
  const matrix = (name: string): Matrix => {
    const { shape, data } = tensors.get(name)!;
    return Array.from({ length: shape[0]! }, (_, i) =>
      Array.from(data.subarray(i * shape[1]!, (i + 1) * shape[1]!)),
    );
  };
  const dot = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const linear = (name: string, x: Matrix): Matrix => {
    const weight = matrix(`${name}.weight`);
    const bias = tensors.has(`${name}.bias`) ? vector(`${name}.bias`) : undefined;
    return x.map((row) => weight.map((w, i) => dot(w, row) + (bias?.[i] ?? 0)));
  };
  const norm = (name: string, x: Matrix): Matrix => {
    const weight = vector(`${name}.weight`);
    return x.map((row) => {
      const rms = Math.sqrt(dot(row, row) / row.length + c.rms_norm_eps);
      return row.map((value, i) => (value / rms) * weight[i]!);
    });
  };
  const add = (a: Matrix, b: Matrix): Matrix => a.map((row, t) => row.map((x, i) => x + b[t]![i]!));
  const head = (x: Matrix, h: number): Matrix =>
    x.map((row) => row.slice(h * c.head_dim, (h + 1) * c.head_dim));
  const half = c.head_dim / 2;
  const rotate = (x: Matrix): Matrix =>
    x.map((row, position) =>
      row.map((value, i) => {
        const angle = position * c.rope_theta ** (-(i % half) / half);
        const turned = i < half ? -row[i + half]! : row[i - half]!;
        return value * Math.cos(angle) + turned * Math.sin(angle);
      }),
    );

  const embedding = matrix('model.embed_tokens.weight');
  let x = Array.from(tokens, (token) => embedding[token]!);
  for (let layer = 0; layer < c.num_hidden_layers; layer++) {
    const p = `model.layers.${layer}`;
    const normed = norm(`${p}.input_layernorm`, x);
    const [q, k, v] = ['q', 'k', 'v'].map((each) => linear(`${p}.self_attn.${each}_proj`, normed));
    const mixed: Matrix = x.map(() => []);
    for (let h = 0; h < c.num_attention_heads; h++) {
      const shared = Math.floor((h * c.num_key_value_heads) / c.num_attention_heads);
      const queries = rotate(head(q!, h));
      const keys = rotate(head(k!, shared));
      const values = head(v!, shared);
      queries.forEach((query, t) => {
        const weights = keys
          .slice(0, t + 1)
          .map((key) => Math.exp(dot(query, key) / Math.sqrt(c.head_dim)));
        const total = weights.reduce((sum, w) => sum + w, 0);
        for (let d = 0; d < c.head_dim; d++) {
          mixed[t]!.push(weights.reduce((sum, w, j) => sum + (w / total) * values[j]![d]!, 0));
        }
      });
    }
    x = add(x, linear(`${p}.self_attn.o_proj`, mixed));
    const after = norm(`${p}.post_attention_layernorm`, x);
    const up = linear(`${p}.mlp.up_proj`, after);
    const gated = linear(`${p}.mlp.gate_proj`, after).map((row, t) =>
      row.map((g, i) => (g / (1 + Math.exp(-g))) * up[t]![i]!),
    );
    x = add(x, linear(`${p}.mlp.down_proj`, gated));
  }
  const output = matrix(c.tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight');
  return norm('model.norm', x).map((row) => output.map((w) => dot(w, row)));
}

describe('the forward pass is the one transformers documents', () => {
  it.each([
    ['Llama', {}],
    ['Llama, another base, no shared keys', { rope_theta: 100, num_key_value_heads: 4 }],
    ['Llama, an output layer of its own', { tie_word_embeddings: false }],
    ['Qwen2', { attention_bias: true, num_key_value_heads: 1 }],
  ])('%s', async (_, changes) => {
    const policy = tinyPolicy(changes);
    const tokens = someTokens(23, 32, new Stream(4, 'policy-test'));
    const expected = (await reference(policy, tokens)).flat();
    for (const plain of [false, true]) {
      usePlain(plain);
      const logits = tf.tidy(() => {
        const item = { prompt: tokens, completions: [] };
        const { input } = toTensors(pack([item], { rowLength: 23, multiple: 1 }));
        return policy.logits(policy.hidden(input)).dataSync();
      });
      expect(distance(logits, expected)).toBeLessThan(1e-4 / Math.max(...expected.map(Math.abs)));
    }
    policy.dispose();
  });
});

describe('gradients of a whole policy', () => {
  it.each([
    ['fused', {}, false],
    ['plain', {}, true],
    [
      'fused, Qwen2 with an output layer',
      { attention_bias: true, tie_word_embeddings: false },
      false,
    ],
  ])('agree with finite differences: %s', (_, changes, plain) => {
    usePlain(plain);
    const policy = tinyPolicy(changes);
    const stream = new Stream(6, 'gradient-test');
    const items = [5, 8].map((length) => ({
      prompt: someTokens(length, 32, stream),
      completions: [6, 3].map((each) => someTokens(each, 32, stream)),
    }));
    const { input, rows, targets } = toTensors(pack(items, { rowLength: 20, multiple: 4 }));
    const weights = tf.tensor1d(Array.from({ length: 18 }, () => stream.normal()));
    const loss = (): Tensor1D =>
      tf.mean(tf.mul(policy.tokenLogProbs(input, rows, targets, 0.8).logProbs, weights));
    const variables = [...policy.parameters.values()];
    const { grads } = tf.variableGrads(loss as never, variables);
    for (const [name, variable] of policy.parameters) {
      const start = variable.dataSync().slice();
      const direction = Float32Array.from(start, () => stream.normal() / Math.sqrt(start.length));
      const h = 4e-3;
      const at = (sign: number): number =>
        tf.tidy(() => {
          const moved = start.map((x, i) => x + sign * h * direction[i]!);
          variable.assign(tf.tensor(moved, variable.shape));
          return loss().dataSync()[0]!;
        });
      const numeric = (at(1) - at(-1)) / (2 * h);
      tf.tidy(() => variable.assign(tf.tensor(start, variable.shape)));
      const analytic = Array.from(grads[variable.name]!.dataSync()).reduce(
        (sum, g, i) => sum + g * direction[i]!,
        0,
      );
      expect(Math.abs(numeric - analytic), name).toBeLessThan(3e-4 + 0.01 * Math.abs(analytic));
      expect(analytic, name).not.toBe(0);
    }
    policy.dispose();
  });

  it('the plain twins have the same gradients', () => {
    const policy = tinyPolicy({ attention_bias: true });
    const stream = new Stream(7, 'gradient-test');
    const item = { prompt: someTokens(6, 32, stream), completions: [someTokens(9, 32, stream)] };
    const { input, rows, targets } = toTensors(pack([item], { rowLength: 16, multiple: 4 }));
    const variables = [...policy.parameters.values()];
    const gradients = (): number[][] => {
      const loss = () => tf.sum(policy.tokenLogProbs(input, rows, targets).logProbs);
      const { grads } = tf.variableGrads(loss as never, variables);
      return variables.map(({ name }) => Array.from(grads[name]!.dataSync()));
    };
    const fused = gradients();
    usePlain(true);
    gradients().forEach((plain, i) => expect(distance(fused[i]!, plain)).toBeLessThan(2e-5));
    policy.dispose();
  });
});

describe('Policy', () => {
  it('starts as a function of the seed alone, near uniform', async () => {
    const [a, b, other] = [3, 3, 4].map((seed) => initPolicy(tinyConfig, seed));
    expect(await a!.weights()).toEqual(await b!.weights());
    expect(await a!.weights()).not.toEqual(await other!.weights());
    expect(a!.parameterCount()).toBe((await a!.weights()).length);
    for (const policy of [a, b, other]) policy!.dispose();
  });

  it.each([false, true])('a clone has weights of its own, plain twins: %s', async (plain) => {
    usePlain(plain);
    const policy = tinyPolicy();
    const copy = policy.clone();
    const before = await copy.weights();
    const step = {
      ...{ gradScale: 1, learningRate: 0.1, beta1: 0.9, beta2: 0.9, eps: 1e-8, decay: 0.1 },
      ...{ correction1: 0.1, correction2: 0.1 },
    };
    for (const parameter of policy.parameters.values()) {
      const [m, v] = [tf.zeros(parameter.shape), tf.zeros(parameter.shape)];
      adamW(parameter, tf.onesLike(parameter), tf.variable(m), tf.variable(v), step);
    }
    expect(await policy.weights()).not.toEqual(before);
    expect(await copy.weights()).toEqual(before);
    policy.dispose();
    expect(await copy.weights()).toEqual(before);
    copy.dispose();
  });

  it('frees everything it made', () => {
    const { numTensors, numBytes } = tf.memory();
    const policy = initPolicy(tinyConfig, 0);
    policy.clone().dispose();
    policy.dispose();
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
  });
});
