import type { Task } from '../data/task.ts';
import type { Comparison, Outcome } from '../sql/outcome.ts';

/** One step of an episode: a thought, a tool call, a CTE or the answer. */
export interface Step {
  kind: 'think' | 'call' | 'cte' | 'answer';
  /** Token span in `Episode.tokens`, end exclusive. */
  start: number;
  end: number;
  /** The text the policy wrote in this step. */
  text: string;
  /** SQL executed for this step, if any, and what came of it. */
  sql?: string;
  outcome?: Outcome;
  comparison?: Comparison;
  elapsedMs?: number;
}

/**
 * Everything rewards, credit, the inspector and the log may look at. Rewards never look anywhere else.
 */
export interface Episode {
  task: Task;
  /** Tokens after the prompt: what the policy wrote, observations and template text. */
  tokens: Int32Array;
  /** 1 = written by the policy, 0 = observation or template. Same length as `tokens`. */
  mask: Uint8Array;
  /** Log-probability of each token at sampling time; 0 where mask is 0. */
  logProbs: Float32Array;
  /** Entropy in nats of the policy's distribution at each written token; 0 where mask is 0. */
  entropies: Float32Array;
  /** True when the policy ended by itself (end-of-sequence) rather than at the length limit. */
  terminated: boolean;
  text: string;
  steps: Step[];
}

/** The step that answers: always the last one. */
export function answerStep(episode: Episode): Step | undefined {
  const last = episode.steps.at(-1);
  return last?.kind === 'answer' ? last : undefined;
}
