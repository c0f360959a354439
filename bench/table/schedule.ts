/** How far a measurement is and what is left, from what its parts are expected to take. */
import { forwardOperations, WARM_UP } from './measure.ts';
import { NEW_TOKENS, PLAIN_NEW_TOKENS, SAMPLES, workloadOf, type BenchShape } from './shapes.ts';

export interface Progress {
  /** What is being measured. */
  what: string;
  /** Done, from 0 to 1. */
  share: number;
  /** Seconds left; null before the first part is done. */
  secondsLeft: number | null;
}

export const PARTS = ['training', 'sampling'] as const;
export type Part = (typeof PARTS)[number];

/** How often runs are measured: at most so many times, and no more after so many seconds. */
export interface Limits {
  repeats: number;
  budget: number;
}

export const LIMITS: Limits = { repeats: 5, budget: 4 };

/** GFLOP/s that a core of a laptop may do; the first part tells how wrong that is. */
const EXPECTED = { training: { ours: 20, plain: 1 }, sampling: { ours: 8, plain: 0.3 } };
const MATRICES_SECONDS = 3;

interface Step {
  what: string;
  seconds: number;
}

/** Operations of a run, in 10^9. */
function operationsOf(shape: BenchShape, part: Part, plain: boolean): number {
  const { tokens, promptTokens, completionTokens } = workloadOf(shape);
  const written = shape.groups * SAMPLES * (plain ? PLAIN_NEW_TOKENS : NEW_TOKENS);
  const work =
    part === 'training'
      ? { tokens: 3 * tokens, seen: 0, predictions: 3 * completionTokens }
      : { tokens: promptTokens + written, seen: 0, predictions: written };
  return forwardOperations(shape.config, work) / 1e9;
}

/** Parts in the order in which they are begun. */
function stepsOf(shapes: readonly BenchShape[], { repeats, budget }: Limits): Step[] {
  const steps = [{ what: 'matrices', seconds: MATRICES_SECONDS }];
  for (const shape of shapes) {
    for (const part of PARTS) {
      const seconds = (shape.plain ? [false, true] : [false]).reduce((sum, plain) => {
        const rate = EXPECTED[part][plain ? 'plain' : 'ours'];
        const once = operationsOf(shape, part, plain) / rate;
        return sum + Math.min((repeats + 1) * once, budget + once) + Math.max(0, WARM_UP - once);
      }, 0);
      steps.push({ what: `${part}, d = ${shape.size}`, seconds });
    }
  }
  return steps;
}

const sum = (steps: readonly Step[]): number => steps.reduce((s, { seconds }) => s + seconds, 0);

/** Roughly what the table takes on a laptop. */
export const expectedSeconds = (shapes: readonly BenchShape[]): number =>
  sum(stepsOf(shapes, LIMITS));

export class Schedule {
  readonly #steps: Step[];
  #at = -1;
  #began = 0;
  #entered = 0;

  constructor(shapes: readonly BenchShape[], limits: Limits) {
    this.#steps = stepsOf(shapes, limits);
  }

  /** The next part begins. Times are seconds of a steady clock. */
  next(now: number): void {
    this.#at++;
    if (this.#at === 0) this.#began = now;
    this.#entered = now;
  }

  progress(now: number): Progress {
    const done = sum(this.#steps.slice(0, this.#at));
    const { what, seconds } = this.#steps[this.#at]!;
    // As slow as it was so far; a part that takes longer than expected is nearly done.
    const pace = done > 0 ? (this.#entered - this.#began) / done : 1;
    const here = Math.min((now - this.#entered) / pace, 0.95 * seconds);
    const all = sum(this.#steps);
    const secondsLeft = done > 0 ? pace * (all - done - here) : null;
    return { what, share: (done + here) / all, secondsLeft };
  }
}
