/** A trained process reward model at work: σ after every step of an episode, in batches. */
import { tf } from '#tfjs';
import { calibrated, type Platt } from '../../evaluate/calibration.ts';
import { pack, toTensors, type PackItem } from '../../model/pack.ts';
import type { Policy } from '../../model/policy.ts';
import { take } from '../../tensor/read.ts';
import { scoped } from '../../tensor/scope.ts';
import { turn } from '../../turn.ts';
import type { LoadedPolicy } from '../starting-policy.ts';
import {
  judgeTokens,
  tagEpisode,
  type Beginning,
  type JudgeTokens,
  type Tagged,
} from './format.ts';
import { choiceLogits, tagRows, type Choices } from './loss.ts';

export interface TagPositions {
  /** Among all completion tokens: items, then completions, in order. */
  tags: Int32Array;
  tag: number;
  choices: Choices;
}

/** Log-odds of "+" against "−" at each tag. */
export async function tagLogOdds(
  policy: Policy,
  items: PackItem[],
  { tags, tag, choices }: TagPositions,
): Promise<Float32Array> {
  const logits = scoped((keep) => {
    const packed = pack(items);
    const { input } = toTensors(packed);
    const rows = tf.tensor1d(tagRows(packed, tags, tag), 'int32');
    return keep(choiceLogits(policy, input, rows, choices));
  });
  const values = await take(logits);
  return Float32Array.from(tags, (_, i) => values[2 * i]! - values[2 * i + 1]!);
}

/** Texts of a group behind the prompt they share. */
export interface TaggedGroup {
  prompt: Int32Array;
  texts: readonly Tagged[];
}

/** Positions of the tags of all texts, as a pass counts them. */
export function tagPositions(groups: readonly TaggedGroup[]): Int32Array {
  let before = 0;
  return Int32Array.from(
    groups.flatMap(({ texts }) =>
      texts.flatMap(({ tokens, tags }) => {
        const at = tags.map((tag) => before + tag);
        before += tokens.length;
        return at;
      }),
    ),
  );
}

export const packItems = (groups: readonly TaggedGroup[]): PackItem[] =>
  groups.map(({ prompt, texts }) => ({ prompt, completions: texts.map(({ tokens }) => tokens) }));

/** Tokens that are scored together: memory, not results, depends on it. */
const BATCH_TOKENS = 16_384;

/** Log-odds at the tags of each text of each group. */
export async function scoreTagged(
  policy: Policy,
  { tag, choices }: JudgeTokens,
  groups: readonly TaggedGroup[],
): Promise<number[][][]> {
  const found: number[][][] = [];
  for (const batch of batches(groups)) {
    const tags = tagPositions(batch);
    const logOdds =
      tags.length > 0 ? await tagLogOdds(policy, packItems(batch), { tags, tag, choices }) : tags;
    let next = 0;
    for (const { texts } of batch) {
      found.push(texts.map(({ tags: own }) => own.map(() => logOdds[next++]!)));
    }
    await turn();
  }
  return found;
}

/** Its weights are disposed by whoever made it. */
export interface PrmModel extends LoadedPolicy {
  calibration: Platt;
  /** Name of the protocol whose episodes it reads. */
  protocol: string;
}

/** Episodes, or beginnings of them, of one question. */
export interface ScoreGroup {
  prompt: Int32Array;
  episodes: readonly Beginning[];
}

/** What a text gets of which not even the first step fits the model. */
const UNKNOWN = 0.5;

export class PrmScorer {
  readonly #model: PrmModel;
  readonly #tokens: JudgeTokens;

  constructor(model: PrmModel) {
    this.#model = model;
    this.#tokens = judgeTokens(model.tokenizer);
  }

  /**
   * σ in [0, 1] after each step of each episode. Of a text longer than the model has positions for, the steps
   * that do not fit get the value of the last that does.
   */
  async score(groups: readonly ScoreGroup[]): Promise<number[][][]> {
    const { policy, tokenizer, calibration } = this.#model;
    const tagged = groups.map(({ prompt, episodes }) => ({
      prompt,
      texts: episodes.map((episode) =>
        this.#fitting(tagEpisode(episode, tokenizer, this.#tokens.tag), prompt.length),
      ),
    }));
    const logOdds = await scoreTagged(policy, this.#tokens, tagged);
    return groups.map(({ episodes }, g) =>
      episodes.map(({ steps }, e) => {
        const values = logOdds[g]![e]!.map((x) => calibrated(calibration, x));
        return steps.map((_, s) => values[s] ?? values.at(-1) ?? UNKNOWN);
      }),
    );
  }

  #fitting({ tokens, tags }: Tagged, promptLength: number): Tagged {
    const room = this.#model.policy.config.max_position_embeddings - promptLength;
    if (tokens.length <= room) return { tokens, tags };
    const kept = tags.filter((at) => at < room);
    return { tokens: tokens.subarray(0, (kept.at(-1) ?? -1) + 1), tags: kept };
  }
}

/** Whole groups until a batch has its tokens. */
function batches(groups: readonly TaggedGroup[]): TaggedGroup[][] {
  const all: TaggedGroup[][] = [];
  let tokens = Infinity;
  for (const group of groups) {
    const size = group.texts.reduce((sum, { tokens: t }) => sum + t.length, group.prompt.length);
    if (tokens + size > BATCH_TOKENS) {
      all.push([]);
      tokens = 0;
    }
    all.at(-1)!.push(group);
    tokens += size;
  }
  return all;
}
