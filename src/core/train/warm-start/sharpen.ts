/**
 * A policy this small is less sure at temperature 1 than its corpus: a third of its samples slip into names that
 * do not exist. Scaling the final norm is sampling at the inverse temperature, made part of the weights.
 */
import { tf } from '#tfjs';
import type { Task } from '../../data/task.ts';
import type { Policy } from '../../model/policy.ts';
import { evaluateSampled, type EvaluationContext, type EvaluationOptions } from '../evaluation.ts';
import type { Sharpening } from './kind.ts';

/** Tried in turn, until the share of failing samples is within its limits. */
const ADJUSTMENTS = [1, 1.1, 0.9, 1.2, 0.8, 1.3];

/** Samples per question, the G of the limits. */
export const SAMPLES = 8;

function scaleFinalNorm(policy: Policy, factor: number): void {
  const norm = policy.parameters.get('norm')!;
  tf.tidy(() => norm.assign(tf.mul(norm, factor)));
}

/** Sharpens the policy in place; returns the factors. */
export async function sharpen(
  context: EvaluationContext,
  tuning: readonly Task[],
  { sharpness, failing: [low, high] }: Sharpening,
  options: EvaluationOptions & { seed: number },
): Promise<{ sharpness: number; adjustment: number }> {
  const { policy } = context;
  scaleFinalNorm(policy, sharpness);
  const norm = policy.parameters.get('norm')!;
  const sharpened = tf.clone(norm);
  let adjustment = 1;
  for (const factor of ADJUSTMENTS) {
    tf.tidy(() => norm.assign(tf.clone(sharpened)));
    if (factor !== 1) scaleFinalNorm(policy, factor);
    const { error_rate } = await evaluateSampled(context, tuning, { ...options, k: SAMPLES });
    adjustment = factor;
    if (error_rate >= low && error_rate <= high) break;
  }
  sharpened.dispose();
  return { sharpness, adjustment };
}
