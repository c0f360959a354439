/**
 * Several replicas of the policy, each in a worker of its own, that share the work of an update: prompts
 * are dealt in equal parts, passes go to whoever is free. This thread keeps the policy itself, takes the
 * optimiser's steps and is free for SQL and rewards meanwhile.
 */
import type { Policy } from '../model/policy.ts';
import type { Completion } from '../model/sample.ts';
import { WorkerCalls, type WorkerPort } from '../sql/call.ts';
import { fused } from '../tensor/ops.ts';
import {
  sampleHere,
  type BackwardResult,
  type Compute,
  type Listeners,
  type SampleRequest,
} from './compute.ts';
import { unflatten } from './gradients.ts';
import type { GroupEvent, Job, PassAnswer, SampleAnswer } from './replica.ts';
import type { Pass, PassValues } from './pass.ts';

/** How workers with replicas are had. */
export interface Replicas {
  count: number;
  spawn: () => WorkerPort;
}

export interface CrewOptions extends Replicas {
  policy: Policy;
  reference: Policy | null;
  /** Optimiser steps taken so far: tells when replicas need new weights. */
  steps: () => number;
  /** In ms. */
  now: () => number;
}

/** A pass may take as long as it likes: as long as a timer can wait. */
const PATIENCE_MS = 0x7fffffff;

interface Dealt<T> {
  /** How much there is to do. */
  tokens: number;
  run: (member: Member) => Promise<T>;
}

interface Member {
  port: WorkerPort;
  calls: WorkerCalls;
  /** Optimiser steps behind the weights it has. */
  steps: number;
}

export class Crew implements Compute {
  readonly #members: Member[];
  readonly #options: CrewOptions;
  readonly #started: Promise<unknown>;
  #weights: { steps: number; values: Promise<Float32Array> };

  constructor(options: CrewOptions) {
    this.#options = options;
    const { policy, reference, steps, spawn, now } = options;
    this.#weights = { steps: steps(), values: policy.weights() };
    this.#members = Array.from({ length: options.count }, () => {
      const port = spawn();
      return { port, calls: new WorkerCalls(port, now), steps: steps() };
    });
    this.#started = Promise.all([this.#weights.values, reference?.weights() ?? null]).then(
      ([weights, ref]) =>
        Promise.all(
          this.#members.map((member) =>
            send(member, {
              ...{ type: 'start', config: policy.config, weights, reference: ref },
              plain: !fused(),
            }),
          ),
        ),
    );
    this.#started.catch(() => undefined); // told to whoever asks for work
  }

  /** The weights that a member lacks, null when it has them. */
  async #lacking(member: Member): Promise<Float32Array | null> {
    const steps = this.#options.steps();
    if (member.steps === steps) return null;
    if (this.#weights.steps !== steps) {
      this.#weights = { steps, values: this.#options.policy.weights() };
    }
    member.steps = steps;
    return this.#weights.values;
  }

  /**
   * Each job runs on the first member that is free, those of most tokens first, so that all end at about
   * the same time. One promise per job, in the order given.
   */
  #deal<T>(jobs: readonly Dealt<T>[]): Promise<T>[] {
    const settle: { resolve: (value: T) => void; reject: (error: unknown) => void }[] = [];
    const results = jobs.map(
      () => new Promise<T>((resolve, reject) => settle.push({ resolve, reject })),
    );
    for (const result of results) result.catch(() => undefined); // one failure is enough to tell
    const order = Array.from(jobs.keys()).sort((a, b) => jobs[b]!.tokens - jobs[a]!.tokens);
    const work = async (member: Member): Promise<void> => {
      for (let mine = order.shift(); mine !== undefined; mine = order.shift()) {
        try {
          await this.#started;
          settle[mine]!.resolve(await jobs[mine]!.run(member));
        } catch (error) {
          settle[mine]!.reject(error);
        }
      }
    };
    for (const member of this.#members) void work(member);
    return results;
  }

  async sample(
    prompts: Int32Array[],
    request: SampleRequest,
    listeners: Listeners = {},
  ): Promise<Completion[][]> {
    const { onGroup, environment } = listeners;
    // The environment is in this thread, and asked between any two tokens.
    if (environment) return sampleHere(this.#options.policy, prompts, request, listeners);
    const { draws } = request;
    const parts = equalParts(prompts.length, this.#members.length);
    const jobs = parts.map(([start, end]) => {
      const mine = prompts.slice(start, end);
      const run = async (member: Member): Promise<SampleAnswer> => {
        const part = draws && { ...draws, prompts: draws.prompts.slice(start, end) };
        const job: Job = {
          ...{ type: 'sample', prompts: mine },
          ...{ request: { ...request, draws: part }, weights: await this.#lacking(member) },
        };
        const hear =
          onGroup && (({ prompt, written }: GroupEvent) => onGroup(start + prompt, written));
        return (await send(member, job, hear)) as SampleAnswer;
      };
      return { run, tokens: mine.reduce((sum, { length }) => sum + length, 0) };
    });
    const completions: Completion[][] = [];
    for (const part of this.#deal(jobs)) completions.push(...(await part));
    return completions;
  }

  async backward(passes: readonly Pass[]): Promise<BackwardResult> {
    const jobs = passes.map((pass) => ({
      tokens: tokensOf(pass),
      run: async (member: Member): Promise<PassAnswer> => {
        const job: Job = { type: 'pass', pass, weights: await this.#lacking(member) };
        return (await send(member, job)) as PassAnswer;
      },
    }));
    let sum: Float32Array | undefined;
    const values: PassValues[] = [];
    for (const result of this.#deal(jobs)) {
      const { grads, values: more } = await result;
      values.push(more);
      // In float32, as the tensors of a single thread are.
      if (sum) for (let i = 0; i < sum.length; i++) sum[i]! += grads[i]!;
      else sum = grads;
    }
    return { grads: sum && unflatten(this.#options.policy, sum), values };
  }

  async close(): Promise<void> {
    for (const { calls } of this.#members) calls.close('the run is over');
    await Promise.all(this.#members.map(({ port }) => port.terminate()));
  }
}

const tokensOf = ({ items }: Pass): number =>
  items.reduce(
    (sum, { prompt, completions }) =>
      sum + prompt.length + completions.reduce((all, { length }) => all + length, 0),
    0,
  );

const send = (
  { calls }: Member,
  job: Job,
  onEvent?: (event: GroupEvent) => void,
): Promise<unknown> =>
  calls.call(job, {
    firstDeadlineMs: PATIENCE_MS,
    deadlineMs: PATIENCE_MS,
    ...(onEvent && { onEvent: (event: unknown) => onEvent(event as GroupEvent) }),
  });

/** [start, end) of at most `parts` nearly equal parts of `count` things, none empty. */
function equalParts(count: number, parts: number): [start: number, end: number][] {
  const used = Math.min(count, parts);
  return Array.from({ length: used }, (_, i) => [
    Math.floor((i * count) / used),
    Math.floor(((i + 1) * count) / used),
  ]);
}
