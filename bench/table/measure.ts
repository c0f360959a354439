/** Times of rivals measured in turns, and how many operations a model's work takes. */
import type { ModelConfig } from '../../src/core/model/config.ts';
import type { Packed } from '../../src/core/model/pack.ts';

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
};

export interface Turns {
  /** Most times that each run is measured. */
  repeats: number;
  /** Seconds after which a run is measured no more. */
  budget: number;
  /** Milliseconds, of a steady clock. */
  now?: () => number;
  /** Called before every turn; may throw to end the measuring. */
  onTurn?: () => Promise<void> | void;
}

/** Seconds for which a run that is fast is repeated before it counts, until engines have compiled it. */
export const WARM_UP = 1;

/** Given its turn, 0 for the very first. It may tell its own seconds, as runs in another process do. */
export type Run = (turn: number) => unknown;

async function timed(run: Run, turn: number, now: () => number): Promise<number> {
  const start = now();
  const told = await run(turn);
  return typeof told === 'number' ? told : (now() - start) / 1000;
}

/**
 * Median seconds of each run. They take turns, so that what else the machine does meets all of them. The
 * first turn warms up and counts only for runs that exceed the budget with it.
 */
export async function inTurns(runs: readonly Run[], turns: Turns): Promise<number[]> {
  const { repeats, budget, now = () => performance.now(), onTurn } = turns;
  const seconds = runs.map((): number[] => []);
  const spent = runs.map(() => 0);
  const first: number[] = [];
  for (let turn = 0; turn <= repeats; turn++) {
    for (const [i, run] of runs.entries()) {
      if (spent[i]! > budget) continue;
      await onTurn?.();
      const took = await timed(run, turn, now);
      spent[i]! += took;
      if (turn > 0) {
        seconds[i]!.push(took);
        continue;
      }
      first[i] = took;
      for (let warm = took; warm + took < WARM_UP;) warm += await timed(run, 1, now);
    }
  }
  return seconds.map((measured, i) => (measured.length > 0 ? median(measured) : first[i]!));
}

export interface ForwardWork {
  /** Through the layers. */
  tokens: number;
  /** Positions attended to, summed over tokens. */
  seen: number;
  /** Rows of logits. */
  predictions: number;
}

/**
 * Operations of a forward pass: a multiplication and an addition for each weight a token meets, and for
 * each head dimension of each position it attends to, once for scores and once for values.
 */
export function forwardOperations(
  { hidden_size: d, intermediate_size, vocab_size, num_hidden_layers, ...config }: ModelConfig,
  { tokens, seen, predictions }: ForwardWork,
): number {
  const mixed = config.num_attention_heads * config.head_dim;
  const keys = config.num_key_value_heads * config.head_dim;
  const weights = d * (mixed + 2 * keys) + mixed * d + 3 * d * intermediate_size;
  return (
    2 * (num_hidden_layers * (tokens * weights + 2 * seen * mixed) + predictions * d * vocab_size)
  );
}

/** Positions that the tokens of packed rows attend to in all. */
export function positionsSeen(packed: Packed): number {
  let seen = 0;
  packed.tokens.forEach((_, i) => {
    const own = (i % packed.length) + 1 - packed.segmentStart[i]!;
    seen += packed.prefixEnd[i]! - packed.prefixStart[i]! + own;
  });
  return seen;
}

const causal = (length: number): number => (length * (length + 1)) / 2;

/** Work of reading prompts of these lengths, and of writing tokens 2 to `written` of their samples. */
export function samplingWork(
  lengths: readonly number[],
  samples: number,
  written: number,
): { prefill: ForwardWork; decode: ForwardWork } {
  const sum = (of: (length: number) => number): number =>
    lengths.reduce((total, length) => total + of(length), 0);
  const rows = lengths.length * samples;
  const steps = written - 1;
  return {
    prefill: { tokens: sum((n) => n), seen: sum(causal), predictions: rows },
    decode: {
      tokens: rows * steps,
      seen: samples * sum((n) => causal(n + steps) - causal(n)),
      predictions: rows * steps,
    },
  };
}
