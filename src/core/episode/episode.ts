import type { Task } from '../data/task.ts';
import type { Comparison, Outcome } from '../sql/outcome.ts';

/** A tool call as the protocol read it. */
export interface ToolCall {
  /** The tool's name; '' where the call is malformed. */
  tool: string;
  /** Arguments, normalised: equal calls have equal names and arguments. */
  args: readonly string[];
}

/**
 * One step of an episode: an assistant turn (a thought with the call, CTE or answer it leads to), as FineStep
 * and Reward-SQL count steps.
 */
export interface Step {
  kind: 'think' | 'call' | 'cte' | 'answer';
  /** Token span in `Episode.tokens`, end exclusive. Holds the turn's own tokens, not its observation. */
  start: number;
  end: number;
  /** The text the policy wrote in this step. */
  text: string;
  /** The reasoning in `text`; absent where the protocol has none, '' where the policy left it out. */
  thought?: string;
  /** End, in `Episode.tokens`, of the tokens of the thought (its closing tag included). */
  thoughtEnd?: number;
  call?: ToolCall;
  /** SQL executed for this step, if any, and what came of it. */
  sql?: string;
  outcome?: Outcome;
  comparison?: Comparison;
  elapsedMs?: number;
  /** What the policy was shown after this step, as text; absent after the last. */
  observation?: string;
  /** A process reward model's probability in [0, 1] that the steps up to here lead to the right answer. */
  value?: number;
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
  /** Cosine of the thought with the verified thoughts nearest to it (FINER-SQL's memory); absent without memory. */
  similarity?: number;
}

/** The step that answers: always the last one. */
export function answerStep(episode: Episode): Step | undefined {
  const last = episode.steps.at(-1);
  return last?.kind === 'answer' ? last : undefined;
}
