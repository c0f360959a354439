/** Measures one model: the lines of the table about it. */
import { initPolicy, type Policy } from '../../src/core/model/policy.ts';
import {
  forwardOperations,
  inTurns,
  samplingWork,
  type ForwardWork,
  type Run,
  type Turns,
} from './measure.ts';
import type { Limit } from './limit.ts';
import { observe, type Observed } from './observe.ts';
import type { Peer, PeerSession } from './peer.ts';
import { sampleTokens } from './sampling.ts';
import { NEW_TOKENS, parameterCount, PLAIN_NEW_TOKENS, SAMPLES, workloadOf } from './shapes.ts';
import type { BenchShape, Workload } from './shapes.ts';
import type { BenchTable, Task } from './table.ts';
import { trainingCase, type Computed } from './training.ts';

/** In float32 with sums in another order, relative to 1 or to what is larger. */
const TOLERANCE = 1e-4;

/** What differs, in words; undefined when all that both have agrees. */
export function difference(ours: Computed, theirs: Partial<Computed>): string | undefined {
  const wrong = (Object.keys(ours) as (keyof Computed)[]).filter((key) => {
    const value = theirs[key];
    const size = Math.max(1, Math.abs(ours[key]));
    return value !== undefined && !(Math.abs(value - ours[key]) <= TOLERANCE * size);
  });
  return wrong.length === 0
    ? undefined
    : wrong.map((key) => `${key} is ${theirs[key]}, ours ${ours[key]}`).join('; ');
}

const tokensOf = (plain: boolean): number => (plain ? PLAIN_NEW_TOKENS : NEW_TOKENS);

interface Rival {
  who: string;
  run: Run;
}

interface Opened {
  peer: Peer;
  session: PeerSession;
}

/** `second` beyond `first`, for each of `steps`; memory is that of both. */
function beyond(first: Observed, second: Observed, steps: number): Observed {
  return {
    launches: (second.launches - first.launches) / steps,
    bytes: (second.bytes - first.bytes) / steps,
    peakBytes: Math.max(first.peakBytes, second.peakBytes),
  };
}

export class ModelBench {
  readonly #shape: BenchShape;
  readonly #policy: Policy;
  readonly #work: Workload;
  readonly #limit: Limit;
  readonly #table: BenchTable;
  readonly #peers: Opened[] = [];
  /** Peers that computed something else. */
  readonly #wrong = new Set<string>();

  private constructor(shape: BenchShape, limit: Limit, table: BenchTable) {
    this.#shape = shape;
    this.#policy = initPolicy(shape.config, 1);
    this.#work = workloadOf(shape);
    this.#limit = limit;
    this.#table = table;
  }

  /** @param table gets the lines */
  static async open(
    shape: BenchShape,
    peers: readonly Peer[],
    limit: Limit,
    table: BenchTable,
  ): Promise<ModelBench> {
    const bench = new ModelBench(shape, limit, table);
    for (const peer of peers) {
      try {
        const session = await peer.open(bench.#policy, shape, bench.#work);
        if (!session) continue;
        bench.#peers.push({ peer, session });
        if (session.note !== undefined) bench.#note(peer, session.note);
      } catch (error) {
        bench.#note(peer, `left out: ${(error as Error).message}`);
      }
    }
    return bench;
  }

  async training(turns: Turns): Promise<void> {
    const training = trainingCase(this.#policy, this.#work);
    const computed: Computed[] = [];
    const step = async (plain: boolean): Promise<void> => {
      computed[Number(plain)] = await training.step(plain);
    };
    try {
      const observed: Observed[] = [];
      const [seconds, matmul] = await this.#measure(
        this.#inOrder(this.#own(step, observed), 'train'),
        turns,
      );
      const wrong = difference(computed[0]!, computed[1] ?? {});
      if (wrong) throw new Error(`d = ${this.#shape.size}, plain tfjs: its ${wrong}`);
      this.#dropWrong(computed[0]!);
      for (const who of this.#wrong) seconds.delete(who);
      const { tokens, seen, predictions } = training.work;
      // Backwards is twice the work of forwards: one product by the weights, one by the inputs.
      const work = { tokens: 3 * tokens, seen: 3 * seen, predictions: 3 * predictions };
      this.#add('training step', this.#work.tokens, work, seconds, observed, matmul);
    } finally {
      training.dispose();
    }
  }

  async sampling(turns: Turns): Promise<void> {
    const seen: Observed[][] = [[], []];
    const writing = (tokens: (plain: boolean) => number) => (plain: boolean) =>
      sampleTokens(this.#policy, this.#work, tokens(plain), plain);
    const first = writing(() => 1);
    const one = this.#inOrder(this.#own(first, seen[0]!), 'prefill');
    const all = this.#inOrder(this.#own(writing(tokensOf), seen[1]!), 'sample');
    // Both in the same turns: decoding is the difference of their times.
    const long = all.map(({ who, run }) => ({ who: `${who}, all`, run }));
    const [seconds, matmul] = await this.#measure([...one, ...long], turns);
    const prefill = new Map(one.map(({ who }) => [who, seconds.get(who)!]));
    const decode = new Map(
      all.map(({ who }) => {
        const steps = tokensOf(who === 'plain') - 1;
        const took = Math.max(1e-9, seconds.get(`${who}, all`)! - (prefill.get(who) ?? 0));
        return [who, (took * (NEW_TOKENS - 1)) / steps];
      }),
    );
    const lengths = this.#work.items.map(({ prompt }) => prompt.length);
    const work = samplingWork(lengths, SAMPLES, NEW_TOKENS);
    this.#add('prefill', this.#work.promptTokens, work.prefill, prefill, seen[0]!, matmul);
    const perToken = seen[1]!.map((total, i) => beyond(seen[0]![i]!, total, tokensOf(i === 1) - 1));
    this.#add('decode', work.decode.tokens, work.decode, decode, perToken, matmul);
  }

  async close(): Promise<void> {
    for (const { session } of this.#peers.splice(0)) await session.close();
    this.#policy.dispose();
  }

  /** Ours, and plain tfjs where it takes part. What they ask of the backend is seen as they warm up. */
  #own(run: (plain: boolean) => Promise<void>, observed: Observed[]): Rival[] {
    return (this.#shape.plain ? [false, true] : [false]).map((plain, i) => ({
      who: plain ? 'plain' : 'ours',
      run: async (turn) => {
        if (turn === 0) observed[i] = await observe(() => run(plain));
        else await run(plain);
      },
    }));
  }

  /** Plain tfjs last: what it leaves to the garbage collector would slow whoever comes next. */
  #inOrder([ours, ...plain]: Rival[], which: 'train' | 'prefill' | 'sample'): Rival[] {
    return [ours!, ...this.#others(which), ...plain];
  }

  #others(which: 'train' | 'prefill' | 'sample'): Rival[] {
    return this.#peers.flatMap(({ peer, session }) => {
      const run = session[which];
      return run && !this.#wrong.has(peer.id) ? [{ who: peer.id, run }] : [];
    });
  }

  /** Seconds of each, and the GFLOP/s of a product of matrices in the same turns. */
  async #measure(rivals: readonly Rival[], turns: Turns): Promise<[Map<string, number>, number]> {
    const runs = [...rivals.map(({ run }) => run), this.#limit.run];
    const seconds = await inTurns(runs, turns);
    const matmul = this.#limit.operations / seconds.at(-1)!;
    return [new Map(rivals.map(({ who }, i) => [who, seconds[i]!])), matmul];
  }

  #dropWrong(ours: Computed): void {
    for (const { peer, session } of this.#peers) {
      const wrong = difference(ours, session.computed ?? {});
      if (!wrong) continue;
      this.#wrong.add(peer.id);
      this.#note(peer, `its ${wrong}: its times are left out`);
    }
  }

  #note(peer: Peer, text: string): void {
    this.#table.notes.push(`${peer.label}, d = ${this.#shape.size}: ${text}`);
  }

  /** @param tokens of one run, by which rates are counted @param work of one run */
  #add(
    task: Task,
    tokens: number,
    work: ForwardWork,
    seconds: ReadonlyMap<string, number>,
    [ours, plain]: readonly Observed[],
    matmul: number,
  ): void {
    const { size, config } = this.#shape;
    const rate = forwardOperations(config, work) / seconds.get('ours')! / 1e9;
    this.#table.lines.push({
      ...{ size, parameters: parameterCount(config), task },
      rates: Object.fromEntries([...seconds].map(([who, s]) => [who, tokens / s])),
      limitShare: rate / matmul,
      observed: { ours: ours!, ...(plain && { plain }) },
    });
  }
}
