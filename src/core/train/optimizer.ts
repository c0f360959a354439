/** AdamW with global-norm clipping and TRL's schedules, over all parameters of a policy. */
import { tf, type Variable } from '#tfjs';
import { badInput } from '../errors.ts';
import type { Policy } from '../model/policy.ts';
import type { NamedTensor } from '../model/safetensors.ts';
import { cos, pow } from '../random/math.ts';
import { adamW, sumSquares } from '../tensor/ops.ts';
import { take } from '../tensor/read.ts';
import { scoped } from '../tensor/scope.ts';
import type { Gradients } from './gradients.ts';

export interface OptimizerOptions {
  learning_rate: number;
  weight_decay: number;
  adam_beta1: number;
  adam_beta2: number;
  adam_epsilon: number;
  /** Gradients are scaled down to this global norm; 0 switches clipping off. */
  max_grad_norm: number;
  lr_scheduler_type: 'constant' | 'linear' | 'cosine';
  warmup_steps: number;
}

/** Learning rate at `step` (from 0) of `total`: linear warm-up, then the schedule down to zero. */
export function learningRate(options: OptimizerOptions, step: number, total: number): number {
  const { learning_rate: peak, warmup_steps: warmup } = options;
  if (step < warmup) return (peak * (step + 1)) / (warmup + 1);
  const progress = Math.min(1, (step - warmup) / Math.max(1, total - warmup));
  if (options.lr_scheduler_type === 'linear') return peak * (1 - progress);
  if (options.lr_scheduler_type === 'cosine') return peak * 0.5 * (1 + cos(Math.PI * progress));
  return peak;
}

/** √ of the sum of squares over all gradients. */
async function globalNorm(grads: Gradients): Promise<number> {
  const squares = tf.tidy(() => sumSquares([...grads.values()]));
  return Math.sqrt((await take(squares))[0]!);
}

export class Optimizer {
  readonly #policy: Policy;
  readonly #options: OptimizerOptions;
  readonly #moments = new Map<string, { m: Variable; v: Variable }>();
  #steps = 0;

  constructor(policy: Policy, options: OptimizerOptions) {
    this.#policy = policy;
    this.#options = options;
    scoped((keep) => {
      for (const [name, { shape }] of policy.parameters) {
        const zeros = (): Variable => keep(tf.variable(tf.zeros(shape), false));
        this.#moments.set(name, { m: zeros(), v: zeros() });
      }
    });
  }

  /** Updates taken so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Clips, applies and disposes the gradients; returns their norm before clipping. */
  async apply(grads: Gradients, rate: number): Promise<number> {
    try {
      const norm = await globalNorm(grads);
      this.#step(grads, norm, rate);
      return norm;
    } finally {
      tf.dispose([...grads.values()]);
    }
  }

  #step(grads: Gradients, norm: number, rate: number): void {
    const options = this.#options;
    const limit = options.max_grad_norm;
    const step = ++this.#steps;
    for (const [name, parameter] of this.#policy.parameters) {
      const { m, v } = this.#moments.get(name)!;
      adamW(parameter, grads.get(name)!, m, v, {
        gradScale: limit > 0 && norm > limit ? limit / norm : 1,
        learningRate: rate,
        beta1: options.adam_beta1,
        beta2: options.adam_beta2,
        correction1: 1 - pow(options.adam_beta1, step),
        correction2: 1 - pow(options.adam_beta2, step),
        eps: options.adam_epsilon,
        decay: parameter.rank > 1 ? options.weight_decay : 0, // norms and biases do not decay
      });
    }
  }

  /** Moments as arrays, for a checkpoint. */
  async state(): Promise<{ steps: number; tensors: Map<string, NamedTensor> }> {
    const named = [...this.#moments].flatMap(([name, moments]) =>
      Object.entries(moments).map(([key, value]) => ({ name: `${name}.${key}`, value })),
    );
    const read = await Promise.all(named.map(({ value }) => value.data<'float32'>()));
    const tensors = new Map(
      named.map(({ name, value }, i) => [name, { shape: value.shape, data: read[i]! }]),
    );
    return { steps: this.#steps, tensors };
  }

  /**
   * Takes up what `state` gave; `file` names it in messages.
   * @throws StepSqlError before anything changes, when a moment is missing or of another shape
   */
  restore(steps: number, tensors: Map<string, NamedTensor>, file = 'optimizer'): void {
    const pairs: [Variable, NamedTensor][] = [];
    for (const [name, moments] of this.#moments) {
      for (const [key, value] of Object.entries(moments)) {
        const stored = tensors.get(`${name}.${key}`);
        if (stored?.shape.join() !== value.shape.join()) {
          const expected = `a tensor of shape [${value.shape.join(', ')}], as the policy's`;
          throw badInput(`${file}: ${name}.${key}`, stored?.shape, expected);
        }
        pairs.push([value, stored]);
      }
    }
    this.#steps = steps;
    for (const [value, { data, shape }] of pairs) {
      tf.tidy(() => value.assign(tf.tensor(data, shape)));
    }
  }

  dispose(): void {
    for (const { m, v } of this.#moments.values()) {
      m.dispose();
      v.dispose();
    }
  }
}
