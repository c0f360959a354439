/** The memory of verified thoughts where completions come from elsewhere: `stepsql score --memory`. */
import { asRecord, asText, field } from '../data/fields.ts';
import { badInput } from '../errors.ts';
import { answerStep, type Episode } from '../episode/episode.ts';
import { textEmbedder } from './embed/index.ts';
import { formattedThought } from './format.ts';
import { ThoughtMemory, type MemoryOptions, type VerifiedThought } from './memory.ts';

/** One line, `{"thought", "db_id"}`. Throws `bad_input` naming the line and the field. */
export function readVerifiedThought(value: unknown, at: string): VerifiedThought {
  const record = asRecord({ value, at });
  return {
    text: asText(field(record, 'thought') ?? null, `${at}.thought`),
    db_id: asText(field(record, 'db_id') ?? null, `${at}.db_id`),
  };
}

/**
 * Writes the similarity of episodes to these thoughts, all of which are kept: no gate, no rule of novelty. Nothing is
 * learnt from the episodes.
 *
 * @throws StepSqlError where the embedder needs a policy or cannot be loaded
 */
export async function annotateSimilarity(
  thoughts: readonly VerifiedThought[],
  options: MemoryOptions,
): Promise<(episodes: readonly Episode[]) => Promise<void>> {
  const embedder = await textEmbedder(options);
  if (!embedder) {
    throw badInput(
      'thoughts.embedder',
      options.embedder,
      'n-grams or sentence: there is no policy',
    );
  }
  const capacity = Math.max(1, thoughts.length);
  const memory = new ThoughtMemory({ ...options, novelty: 2, capacity });
  const vectors = await embedder.embed(thoughts.map(({ text }) => text));
  thoughts.forEach((thought, i) => memory.add(thought, vectors[i]!));
  return async (episodes) => {
    const texts = episodes.map((episode) => formattedThought(answerStep(episode)?.text ?? ''));
    const embedded = await embedder.embed(texts.map((text) => text ?? ''));
    episodes.forEach((episode, i) => {
      if (!texts[i]) return;
      episode.similarity = memory.similarity(embedded[i]!, episode.task.db_id);
    });
  };
}
