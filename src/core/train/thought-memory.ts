/**
 * The memory of FINER-SQL (2605.03465) in the loop: writes `episode.similarity` before episodes are rewarded, and
 * keeps the thoughts of right answers afterwards. The memory grows with the run and is saved with it.
 */
import { badInput } from '../errors.ts';
import { answerStep, type Episode } from '../episode/episode.ts';
import { readSafetensors, writeSafetensors, type NamedTensor } from '../model/safetensors.ts';
import { CentredEmbedder } from '../reward/embed/centred.ts';
import type { Embedder } from '../reward/embed/embedder.ts';
import type { MatchKind } from '../reward/verdict.ts';
import { verdictOf } from '../reward/verdict.ts';
import { formattedThought } from '../reward/format.ts';
import {
  passesQualityGate,
  ThoughtMemory,
  type MemoryOptions,
  type VerifiedThought,
} from '../reward/memory.ts';
import type { RewardBreakdown } from '../reward/reward.ts';
import type { Annotator, WrittenGroup } from './annotator.ts';
import type { CheckpointFiles } from './run-store.ts';

const VECTORS = 'thoughts.safetensors';
const TEXTS = 'thoughts.json';

export interface ThoughtMemoryParts {
  /** One that has to be centred comes as a `CentredEmbedder`: its mean is saved with the memory. */
  embedder: Embedder;
  options: MemoryOptions;
  comparison: MatchKind;
  /** Names of tables and columns of a database, in lower case; undefined for one that is not known. */
  namesOf(db_id: string): ReadonlySet<string> | undefined;
  /** Frees what the embedder is made of. */
  dispose?(): void;
}

type Rewarded = WrittenGroup & { rewards: RewardBreakdown[] };

const thoughtOf = (episode: Episode): string =>
  formattedThought(answerStep(episode)?.text ?? '') ?? '';

export class ThoughtMemoryAnnotator implements Annotator {
  readonly #parts: ThoughtMemoryParts;
  readonly #memory: ThoughtMemory;
  /** Vectors of the update being rewarded, by thought. */
  #vectors = new Map<string, Float32Array>();
  #metrics: Record<string, number> = {};

  private constructor(parts: ThoughtMemoryParts) {
    this.#parts = parts;
    this.#memory = new ThoughtMemory(parts.options);
  }

  /** @param seeds thoughts of right answers to begin with; they pass the same gates as later ones */
  static async make(
    parts: ThoughtMemoryParts,
    seeds: readonly VerifiedThought[] = [],
  ): Promise<ThoughtMemoryAnnotator> {
    const annotator = new ThoughtMemoryAnnotator(parts);
    const vectors = await parts.embedder.embed(seeds.map(({ text }) => text));
    seeds.forEach((seed, i) => annotator.#keep(seed, vectors[i]!));
    return annotator;
  }

  get memory(): ThoughtMemory {
    return this.#memory;
  }

  async annotate(groups: readonly WrittenGroup[]): Promise<void> {
    const episodes = groups.flatMap((group) => group.episodes);
    const thoughts = [...new Set(episodes.map(thoughtOf))].filter((thought) => thought !== '');
    const vectors = await this.#parts.embedder.embed(thoughts);
    this.#vectors = new Map(thoughts.map((thought, i) => [thought, vectors[i]!]));
    for (const episode of episodes) {
      const vector = this.#vectors.get(thoughtOf(episode));
      if (vector) episode.similarity = this.#memory.similarity(vector, episode.task.db_id);
    }
  }

  learn(groups: readonly Rewarded[]): void {
    let kept = 0;
    for (const { task, episodes } of groups) {
      for (const episode of episodes) {
        const text = thoughtOf(episode);
        const vector = this.#vectors.get(text);
        if (!vector || verdictOf(episode, this.#parts.comparison) !== 'right') continue;
        if (this.#keep({ text, db_id: task.db_id }, vector)) kept++;
      }
    }
    this.#metrics = { 'memory/thoughts': this.#memory.size, 'memory/kept': kept };
    this.#vectors.clear();
  }

  metrics(): Record<string, number> {
    return this.#metrics;
  }

  #keep(thought: VerifiedThought, vector: Float32Array): boolean {
    const { namesOf, options } = this.#parts;
    if (!passesQualityGate(thought.text, namesOf(thought.db_id), options)) return false;
    return this.#memory.add(thought, vector);
  }

  dispose(): void {
    this.#parts.dispose?.();
  }

  save(): CheckpointFiles {
    const { entries } = this.#memory;
    const { embedder } = this.#parts;
    const centre = embedder instanceof CentredEmbedder ? embedder.mean : undefined;
    const width = entries[0]?.vector.length ?? 0;
    const data = new Float32Array(entries.length * width);
    entries.forEach(({ vector }, i) => data.set(vector, i * width));
    const tensors = new Map<string, NamedTensor>([
      ['vectors', { shape: [entries.length, width], data }],
    ]);
    if (centre) tensors.set('mean', { shape: [centre.length], data: centre });
    const texts = entries.map(({ text, db_id }) => ({ text, db_id }));
    return {
      [VECTORS]: writeSafetensors(tensors, { embedder: embedder.name }),
      [TEXTS]: new TextEncoder().encode(`${JSON.stringify(texts)}\n`),
    };
  }

  /** @throws StepSqlError `bad_input` naming the file */
  restore(files: CheckpointFiles): void {
    const [bytes, json] = [files[VECTORS], files[TEXTS]];
    if (!bytes || !json) {
      throw badInput('checkpoint', Object.keys(files).join(), `${VECTORS} and ${TEXTS}`);
    }
    const texts = readTexts(json);
    const tensors = readSafetensors(bytes, VECTORS);
    const { shape, data } = tensors.get('vectors') ?? { shape: [0], data: new Float32Array() };
    const [count, width = 0] = shape;
    if (count !== texts.length)
      throw badInput(`${VECTORS}: vectors`, shape, `${texts.length} rows`);
    const { embedder } = this.#parts;
    if (embedder instanceof CentredEmbedder) embedder.mean = tensors.get('mean')?.data;
    this.#memory.restore(
      texts.map((thought, i) => ({ ...thought, vector: data.slice(i * width, (i + 1) * width) })),
    );
  }
}

function readTexts(json: Uint8Array): VerifiedThought[] {
  const text = new TextDecoder().decode(json);
  try {
    const texts = JSON.parse(text) as VerifiedThought[];
    const wellFormed = texts.every(
      ({ text, db_id }) => typeof text === 'string' && typeof db_id === 'string',
    );
    if (wellFormed) return texts;
  } catch {
    // said below
  }
  throw badInput(TEXTS, text, 'a list of {text, db_id}');
}
