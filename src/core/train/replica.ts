/**
 * A replica of the policy in a worker, and the messages between it and its crew (crew.ts): one job at a
 * time, each with the weights it needs where they have changed.
 */
import { tf } from '#tfjs';
import type { ModelConfig } from '../model/config.ts';
import { makePolicy, type Policy } from '../model/policy.ts';
import type { Completion } from '../model/sample.ts';
import { errorResponse, type Request, type Response } from '../sql/call.ts';
import { asBackendError } from '../tensor/backend.ts';
import { usePlain } from '../tensor/ops.ts';
import { sampleHere, type SampleRequest, type Written } from './compute.ts';
import { flatten } from './gradients.ts';
import { runPass, type Pass, type PassValues } from './pass.ts';

export interface StartJob {
  type: 'start';
  config: ModelConfig;
  /** As `Policy.weights`. */
  weights: Float32Array;
  /** Of the reference policy, where there is one. */
  reference: Float32Array | null;
  /** Without our kernels. */
  plain: boolean;
}

export interface SampleJob {
  type: 'sample';
  weights: Float32Array | null;
  prompts: Int32Array[];
  request: SampleRequest;
}

export interface PassJob {
  type: 'pass';
  weights: Float32Array | null;
  pass: Pass;
}

export type Job = StartJob | SampleJob | PassJob;

/** Sent while a sample job runs. */
export interface GroupEvent {
  prompt: number;
  written: Written[];
}

export type SampleAnswer = Completion[][];

export interface PassAnswer {
  values: PassValues;
  /** As `Policy.weights`. */
  grads: Float32Array;
}

/** A policy with these weights, as `Policy.weights` gives them. */
function policyOf(config: ModelConfig, weights: Float32Array, trainable: boolean): Policy {
  let offset = 0;
  return makePolicy(
    config,
    (_, shape) => {
      const size = shape.reduce((product, n) => product * n, 1);
      offset += size;
      return tf.tensor(weights.slice(offset - size, offset), shape);
    },
    trainable,
  );
}

/**
 * Returns the handler of the worker's messages.
 *
 * @param startBackend called with the first job
 */
export function serveReplica(
  startBackend: () => Promise<void>,
  post: (response: Response, transfer: ArrayBuffer[]) => void,
): (message: unknown) => void {
  let policy: Policy | undefined;
  let reference: Policy | null = null;
  const handle = async (id: number, job: Job): Promise<[unknown, ArrayBuffer[]]> => {
    if (job.type === 'start') {
      await startBackend();
      usePlain(job.plain);
      policy = policyOf(job.config, job.weights, true);
      reference = job.reference && policyOf(job.config, job.reference, false);
      return [undefined, []];
    }
    if (job.weights) policy!.setWeights(job.weights);
    if (job.type === 'sample') {
      const answer = await sampleHere(policy!, job.prompts, job.request, {
        onGroup: (prompt, written) =>
          post({ id, kind: 'event', body: { prompt, written } satisfies GroupEvent }, []),
      });
      return [answer satisfies SampleAnswer, []];
    }
    const { values, grads } = await runPass(policy!, reference, job.pass);
    const answer: PassAnswer = { values, grads: await flatten(grads) };
    return [answer, [answer.grads.buffer as ArrayBuffer]];
  };
  return (message) => {
    const { id, body } = message as Request;
    handle(id, body as Job).then(
      ([answer, transfer]) => post({ id, kind: 'result', body: answer }, transfer),
      (error: unknown) => post(errorResponse(id, asBackendError(error)), []),
    );
  };
}
