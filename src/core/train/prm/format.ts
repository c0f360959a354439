/**
 * What a process reward model reads: prompt and steps as the policy saw and wrote them, each step followed by
 * its execution result and a step tag (Reward-SQL's `" и "`, papers.md §4.1). What the tag says is read from
 * the model's weights for "+" against "−".
 */
import { badInput } from '../../errors.ts';
import { resultText } from '../../episode/cocte.ts';
import type { Episode } from '../../episode/episode.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import type { Opening } from '../episodes.ts';
import type { Choices } from './loss.ts';

/** Token ids that the model speaks with. */
export interface JudgeTokens {
  /** Stands after each step. */
  tag: number;
  choices: Choices;
}

/** A control character (ACK): one byte, so one token of every byte-level BPE, and in no text. */
const TAG = '\u0006';

/** @throws StepSqlError when the tokenizer has no single tokens for tag, "+" and "−" */
export function judgeTokens(tokenizer: Tokenizer): JudgeTokens {
  const one = (text: string): number => {
    const ids = tokenizer.encode(text);
    if (ids.length !== 1) throw badInput('tokenizer', text, 'a text that is one token');
    return ids[0]!;
  };
  return { tag: one(TAG), choices: [one('+'), one('-')] };
}

/** Where the tokens of step `i` end, its observation included, in `Episode.tokens`. */
export const stepEnd = ({ steps, tokens }: Beginning, i: number): number =>
  steps[i + 1]?.start ?? tokens.length;

/** A text with tags, to be packed behind its prompt. */
export interface Tagged {
  tokens: Int32Array;
  /** Positions of the tags in `tokens`, one per step. */
  tags: number[];
}

/** An episode, or the beginning of one: tokens up to the end of its last step, observation included. */
export type Beginning = Pick<Episode, 'steps' | 'tokens'>;

/** The first `count` steps, from which an episode can go on. */
export function openingAfter(episode: Opening, count: number): Opening {
  const end = count === 0 ? 0 : stepEnd(episode, count - 1);
  return {
    task: episode.task,
    steps: episode.steps.slice(0, count),
    tokens: episode.tokens.slice(0, end),
    mask: episode.mask.slice(0, end),
    logProbs: episode.logProbs.slice(0, end),
    entropies: episode.entropies.slice(0, end),
  };
}

/** The text with a tag after every step; the execution result of a last step is put in. */
export function tagEpisode(episode: Beginning, tokenizer: Tokenizer, tag: number): Tagged {
  const tokens: number[] = [];
  const tags: number[] = [];
  episode.steps.forEach((step, i) => {
    tokens.push(...episode.tokens.subarray(step.start, stepEnd(episode, i)));
    if (step.observation === undefined) tokens.push(...tokenizer.encode(resultText(step.outcome)));
    tags.push(tokens.length);
    tokens.push(tag);
  });
  return { tokens: Int32Array.from(tokens), tags };
}
