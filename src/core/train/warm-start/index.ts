/** The warm starts, most of them one of a protocol: a new one is a file beside this and a line in `warmStarts`. */
import { NURSERY_VERSION } from '../../data/nursery/index.ts';
import type { Task } from '../../data/task.ts';
import { episodeTokens, type ProtocolName } from '../../episode/index.ts';
import { badInput } from '../../errors.ts';
import { parseRecipe } from '../../recipe/parse.ts';
import type { Recipe } from '../../recipe/schema.ts';
import { trainBpe, type TokenizerFiles } from '../../text/bpe.ts';
import {
  evaluateGreedy,
  evaluateSampled,
  type EvaluationContext,
  type EvaluationOptions,
} from '../evaluation.ts';
import type { Corpus } from '../sft.ts';
import { broadWarmStart } from './broad.ts';
import { cocteWarmStart } from './cocte.ts';
import { directWarmStart } from './direct.ts';
import type { SqlLoader, WarmStartKind } from './kind.ts';
import { nurseryOf } from './nursery.ts';
import { SAMPLES } from './sharpen.ts';
import { thinkWarmStart } from './think.ts';
import { toolsWarmStart } from './tools.ts';

/** A protocol, or `broad`: another start of the direct one. */
export type WarmStartName = ProtocolName | 'broad';

export const warmStarts: Readonly<Partial<Record<WarmStartName, WarmStartKind>>> = {
  broad: broadWarmStart,
  cocte: cocteWarmStart,
  direct: directWarmStart,
  think: thinkWarmStart,
  tools: toolsWarmStart,
};

/** Throws `bad_input` listing the kinds there are. */
export function findWarmStart(name: string): WarmStartKind {
  const kind = Object.hasOwn(warmStarts, name) ? warmStarts[name as WarmStartName] : undefined;
  if (kind) return kind;
  throw badInput('kind', name, `one of ${Object.keys(warmStarts).join(', ')}`);
}

const protocolOf = (kind: WarmStartName): ProtocolName =>
  findWarmStart(kind).recipe.protocol ?? (kind as ProtocolName);

/** What a GRPO recipe says so that it can start from this kind: protocol, data, model, lengths. */
export function changesFor(kind: WarmStartName) {
  const protocol = protocolOf(kind);
  const { recipe } = findWarmStart(kind);
  return { ...recipe, protocol, grpo: { max_completion_length: episodeTokens(protocol) } };
}

/** Which warm start a recipe makes, or would start from by its protocol. */
const nameOf = (recipe: Recipe): WarmStartName =>
  recipe.method === 'sft' && recipe.sft.corpus === 'over-broad' ? 'broad' : recipe.protocol;

/** Vocabulary of the small policy: large enough for every word of the Nursery to be one token. */
export const WARM_VOCABULARY = 2048;

/** Texts the tokenizer learns from. */
const TOKENIZER_TEXTS = 20_000;

/** Which part of a warm start to train: both, or one that others share and one that goes on from a base. */
export type Part = 'whole' | 'base' | 'planted';

/**
 * The recipe of a warm start. The whole and the base start from scratch or from the kind's own start, `planted`
 * from a base.
 *
 * @param updates of the whole, where it is not the kind's own number
 * @param base SHA-256 of the base's model.safetensors, for `planted`
 */
export function warmStartRecipe(
  kind: WarmStartName,
  seed: number,
  { updates, part = 'whole', base }: { updates?: number; part?: Part; base?: string } = {},
): Recipe {
  const found = findWarmStart(kind);
  const { recipe, start, corpusName: corpus = 'planted', batch_size = 32 } = found;
  const onBase = found.updatesFromBase ?? { ...found.updates, gold: 0 };
  const own = part === 'planted' ? onBase : found.updates;
  const factor = updates === undefined ? 1 : updates / (found.updates.gold + found.updates.planted);
  const gold = Math.round(factor * own.gold);
  const planted = part === 'base' ? 0 : Math.round(factor * own.planted);
  return parseRecipe({
    ...recipe,
    protocol: protocolOf(kind),
    method: 'sft',
    name: `warm start ${kind} ${seed}`,
    seed,
    policy: {
      ...recipe.policy,
      checkpoint: base ?? start ?? 'scratch',
      model: { vocab_size: WARM_VOCABULARY, ...recipe.policy?.model },
    },
    sft: { corpus, num_updates: gold + planted, gold_updates: gold, batch_size },
    optimizer: {
      learning_rate: part === 'planted' ? 3e-3 : start === undefined ? 6e-3 : 4e-3,
      adam_beta2: 0.98,
      weight_decay: 0.01,
      lr_scheduler_type: 'cosine',
      warmup_steps: part === 'planted' || start !== undefined ? 50 : 200,
    },
    eval: { every: 0 },
    checkpoint_every: 1000,
  });
}

/** The corpus SFT imitates, where a recipe names one that is not the tasks' gold. */
export async function corpusOf(recipe: Recipe, sql: SqlLoader): Promise<Corpus | undefined> {
  if (recipe.method !== 'sft' || recipe.sft.corpus === 'gold') return undefined;
  if (recipe.data.kind !== 'nursery') {
    throw badInput('sft.corpus', recipe.sft.corpus, 'gold, for data that is not the Nursery');
  }
  return findWarmStart(nameOf(recipe)).corpus(recipe, recipe.sft.gold_updates, sql);
}

/** The byte-level BPE of a small policy, learnt from what its protocol writes and reads in the Nursery. */
export async function nurseryTokenizer(recipe: Recipe, sql: SqlLoader): Promise<TokenizerFiles> {
  const [seed] = nurseryOf(recipe);
  const { tags = [], ...kind } = findWarmStart(nameOf(recipe));
  const corpus = await kind.corpus({ ...recipe, seed }, 0, sql);
  const texts = Array.from({ length: TOKENIZER_TEXTS }, (_, i) => {
    const { prompt, turns } = corpus(0, i);
    return prompt + turns.map(({ text, observation = '' }) => text + observation).join('');
  });
  const vocabSize = recipe.policy.model.vocab_size;
  if (tags.length === 0) return trainBpe(texts, { vocabSize });
  const between = new RegExp(tags.join('|'));
  return trainBpe(
    texts.flatMap((text) => text.split(between)),
    { vocabSize, specialTokens: ['<|pad|>', '<|endoftext|>', ...tags] },
  );
}

/** What a warm start measures, on dev questions. */
export interface WarmStartReport extends Record<string, number | string> {
  kind: string;
  nursery_version: number;
  seed: number;
  questions: number;
  greedy: number;
  pass_at_1: number;
  pass_at_8: number;
  majority_at_8: number;
  all_wrong: number;
  all_right: number;
  /** Share of samples at T = 1 that do not execute, and of greedy answers. */
  failing: number;
  greedy_failing: number;
}

/** `level <name>` is the greedy accuracy of each level. */
export async function measureWarmStart(
  context: EvaluationContext,
  recipe: Recipe,
  tasks: readonly Task[],
  options: EvaluationOptions & { seed: number },
  onBatch: (done: number) => void,
): Promise<WarmStartReport> {
  const kind = findWarmStart(nameOf(recipe));
  const greedy = await evaluateGreedy(context, tasks, options, onBatch);
  const sampled = await evaluateSampled(context, tasks, { ...options, k: SAMPLES }, (done) =>
    onBatch(tasks.length + done),
  );
  return {
    kind: nameOf(recipe),
    nursery_version: NURSERY_VERSION,
    seed: options.seed,
    questions: tasks.length,
    greedy: greedy.all.ex,
    pass_at_1: sampled.pass_at_1,
    pass_at_8: sampled.pass_at_k,
    majority_at_8: sampled.majority_at_k,
    all_wrong: sampled.all_wrong,
    all_right: sampled.all_right,
    failing: sampled.error_rate,
    greedy_failing: greedy.all.error_rate,
    ...Object.fromEntries(
      Object.entries(greedy.by_difficulty).map(([level, { ex }]) => [`level ${level}`, ex]),
    ),
    ...(await kind.measure?.(context, tasks, sampled, options, recipe)),
  };
}

/** The limits a report misses, in words; none means accepted. */
export function missedLimits(report: WarmStartReport, { limits }: WarmStartKind): string[] {
  return Object.entries(limits).flatMap(([name, [low, high]]) => {
    const value = report[name];
    if (typeof value !== 'number') return [];
    const text = `${name} ${value.toFixed(3)}, wanted ${low} to ${high}`;
    return value >= low && value <= high ? [] : [text];
  });
}
