/** Who else does the same work: other libraries, or ourselves in another way. */
import type { Policy } from '../../src/core/model/policy.ts';
import type { Run } from './measure.ts';
import type { BenchShape, Workload } from './shapes.ts';
import type { Computed } from './training.ts';

/** One model in the hands of a peer. Runs it cannot do are left out. */
export interface PeerSession {
  /** One optimiser step. */
  train?: Run;
  /** What it computed. A peer for whom that is something else has its times left out. */
  computed?: Partial<Computed>;
  /** Reads the prompts and draws one token for each sample. */
  prefill?: Run;
  /** The same with NEW_TOKENS tokens for each sample. */
  sample?: Run;
  /** What to know beside the numbers. */
  note?: string;
  close(): Promise<void> | void;
}

export interface Peer {
  id: string;
  /** Its column. */
  label: string;
  /** Undefined where it has nothing to say about this model. */
  open(policy: Policy, shape: BenchShape, work: Workload): Promise<PeerSession | undefined>;
}
