/**
 * The table: for each model, this project's speed beside plain tfjs on the same backend and beside
 * whatever peers there are, all measured in turns on the same input. It runs wherever core does.
 */
import { tf } from '#tfjs';
import { findLimit } from './limit.ts';
import type { Turns } from './measure.ts';
import { ModelBench } from './model.ts';
import type { Observed } from './observe.ts';
import type { Peer } from './peer.ts';
import { LIMITS, PARTS, Schedule, type Limits, type Progress } from './schedule.ts';
import type { BenchShape } from './shapes.ts';

export type Task = 'training step' | 'prefill' | 'decode';

export interface Line {
  /** hidden_size of the model. */
  size: number;
  parameters: number;
  task: Task;
  /** Tokens per second by who: 'ours', 'plain' and the ids of peers. */
  rates: Record<string, number>;
  /** Ours, in operations of the model, over what products of matrices reached in the same turns. */
  limitShare: number;
  /** Per optimiser step, per reading of all prompts, per token of all samples. */
  observed: { ours: Observed; plain?: Observed };
}

export interface BenchTable {
  backend: string;
  /** GFLOP/s of the best product of matrices, at the start. */
  matmul: number;
  peers: { id: string; label: string }[];
  lines: Line[];
  notes: string[];
}

export interface TableOptions {
  shapes: readonly BenchShape[];
  peers?: readonly Peer[];
  limits?: Partial<Limits>;
  onProgress?: (progress: Progress) => void;
}

const seconds = (): number => performance.now() / 1000;

/** @throws Error when ours and plain tfjs disagree on the loss of a step */
export async function measureTable(options: TableOptions): Promise<BenchTable> {
  const { shapes, peers = [], onProgress } = options;
  const limits = { ...LIMITS, ...options.limits };
  const schedule = new Schedule(shapes, limits);
  const onTurn = async (): Promise<void> => {
    onProgress?.(schedule.progress(seconds()));
    await new Promise((resolve) => setTimeout(resolve)); // so that what was told arrives
  };
  const turns: Turns = { ...limits, onTurn };
  schedule.next(seconds());
  const limit = await findLimit(onTurn);
  const table: BenchTable = {
    ...{ backend: tf.getBackend(), matmul: limit.rate, lines: [], notes: [] },
    peers: peers.map(({ id, label }) => ({ id, label })),
  };
  for (const shape of shapes) {
    const bench = await ModelBench.open(shape, peers, limit, table);
    try {
      for (const part of PARTS) {
        schedule.next(seconds());
        await bench[part](turns);
      }
    } finally {
      await bench.close();
    }
  }
  return table;
}
