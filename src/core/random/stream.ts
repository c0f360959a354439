/**
 * Random streams keyed by what they are for, never by when they are drawn: (seed, purpose, counters)
 * → numbers. A resumed run, another worker or another platform therefore draws the same numbers.
 */
import { badInput } from '../errors.ts';
import { cos, log } from './math.ts';
import { philox4x32 } from './philox.ts';

/** FNV-1a over UTF-16 code units: turns a purpose into 32 key bits. */
function purposeKey(purpose: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < purpose.length; i++) {
    hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

function checkSeed(seed: number): void {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw badInput('seed', seed, 'an integer from 0 to 4294967295');
  }
}

export class Stream {
  readonly #key: readonly [number, number];
  readonly #counters: readonly [number, number, number];
  readonly #words = new Uint32Array(4);
  #block = 0;
  #used = 4;

  constructor(seed: number, purpose: string, c1 = 0, c2 = 0, c3 = 0) {
    checkSeed(seed);
    this.#key = [seed, purposeKey(purpose)];
    this.#counters = [c1, c2, c3];
  }

  /** Uniform integer in [0, 2^32). */
  u32(): number {
    if (this.#used === 4) {
      const [c1, c2, c3] = this.#counters;
      philox4x32([this.#block++, c1, c2, c3], this.#key, this.#words);
      this.#used = 0;
    }
    return this.#words[this.#used++]!;
  }

  /** Uniform in [0, 1) with 24 bits: exact as float32. */
  uniform(): number {
    return (this.u32() >>> 8) / 0x1000000;
  }

  /** Uniform integer in [0, n), without bias. */
  int(n: number): number {
    const limit = 0x100000000 - (0x100000000 % n);
    for (;;) {
      const word = this.u32();
      if (word < limit) return word % n;
    }
  }

  /** Uniform integer in [low, high], both included. */
  range(low: number, high: number): number {
    return low + this.int(high - low + 1);
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('pick: empty list');
    return items[this.int(items.length)]!;
  }

  /** True with probability p. */
  chance(p: number): boolean {
    return this.uniform() < p;
  }

  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const copy = items.slice();
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [copy[i], copy[j]] = [copy[j]!, copy[i]!];
    }
    return copy;
  }

  /** `count` different items, in random order. */
  sample<T>(items: readonly T[], count: number): T[] {
    return this.shuffle(items).slice(0, count);
  }

  /** Index drawn in proportion to non-negative weights. */
  weighted(weights: readonly number[]): number {
    let total = 0;
    for (const weight of weights) total += weight;
    let left = this.uniform() * total;
    for (let i = 0; i < weights.length; i++) {
      left -= weights[i]!;
      if (left < 0) return i;
    }
    return weights.length - 1;
  }

  /** Standard normal (Box–Muller on portable functions). */
  normal(): number {
    const u = (this.u32() + 1) / 0x100000000;
    const v = this.u32() / 0x100000000;
    return Math.sqrt(-2 * log(u)) * cos(2 * Math.PI * v);
  }
}

/**
 * One uniform in [0, 1) for one token: keyed by (seed, update, group, sample, position), so that a
 * sample's draws depend neither on its batch nor on who else is still being sampled.
 */
export function tokenUniform(
  seed: number,
  purpose: string,
  update: number,
  group: number,
  sample: number,
  position: number,
): number {
  const words = new Uint32Array(4);
  philox4x32([position, sample, group, update], [seed, purposeKey(purpose)], words);
  return (words[0]! >>> 8) / 0x1000000;
}
