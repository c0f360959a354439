/**
 * Where the policy samples and differentiates: in this thread, or in several at once (crew.ts). What
 * comes back has the same bits either way: a sample does not depend on its batch, and the gradients of
 * passes are added in their order.
 */
import type { Policy } from '../model/policy.ts';
import { sample, type Completion, type Environment, type SampleOptions } from '../model/sample.ts';
import { tokenUniform } from '../random/stream.ts';
import { addGradients, type Gradients } from './gradients.ts';
import { runPass, type Pass, type PassValues } from './pass.ts';

/** Which random numbers draw the tokens (`tokenUniform`). */
export interface Draws {
  seed: number;
  purpose: string;
  update: number;
  /** Number of each prompt. */
  prompts: number[];
}

export interface SampleRequest extends Omit<SampleOptions, 'uniform' | 'onGroup' | 'environment'> {
  /** Null when greedy. */
  draws: Draws | null;
}

/** Tokens of all samples of a prompt, before everything else about them is known. */
export type OnGroup = (prompt: number, written: Written[]) => void;

export type Written = Pick<Completion, 'tokens' | 'terminated'>;

/** Who takes part while samples are being written. */
export interface Listeners {
  onGroup?: OnGroup;
  /** Makes completions dialogues. Sampling then stays in the thread that leads. */
  environment?: Environment;
}

export interface BackwardResult {
  /** Undefined without passes. The caller disposes them. */
  grads: Gradients | undefined;
  /** Of each pass, in order. */
  values: PassValues[];
}

export interface Compute {
  /** `num_generations` completions of each prompt. `onGroup` hears of each prompt once, in any order. */
  sample(
    prompts: Int32Array[],
    request: SampleRequest,
    listeners?: Listeners,
  ): Promise<Completion[][]>;
  /** Gradients summed over passes. */
  backward(passes: readonly Pass[]): Promise<BackwardResult>;
  close(): Promise<void>;
}

export function sampleHere(
  policy: Policy,
  prompts: Int32Array[],
  { draws, ...request }: SampleRequest,
  listeners: Listeners = {},
): Promise<Completion[][]> {
  return sample(policy, prompts, {
    ...request,
    ...listeners,
    uniform: (prompt, index, position) =>
      draws
        ? tokenUniform(
            ...[draws.seed, draws.purpose, draws.update, draws.prompts[prompt]!, index, position],
          )
        : 0,
  });
}

/** In this thread. Policies stay the caller's. */
export function localCompute(policy: Policy, reference: Policy | null = null): Compute {
  return {
    sample: (prompts, request, listeners) => sampleHere(policy, prompts, request, listeners),
    backward: async (passes) => {
      let grads: Gradients | undefined;
      const values: PassValues[] = [];
      for (const pass of passes) {
        const next = await runPass(policy, reference, pass).catch((error: unknown) => {
          for (const grad of grads?.values() ?? []) grad.dispose(); // nothing is left behind
          throw error;
        });
        values.push(next.values);
        grads = grads ? addGradients(grads, next.grads) : next.grads;
      }
      return { grads, values };
    },
    close: () => Promise.resolve(),
  };
}
