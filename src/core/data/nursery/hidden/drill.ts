/**
 * Drills of copying: a list of words with codes, and a query that names them all in another order. Whole
 * episodes hold one or two codes each: little to find out from that what follows a word in an observation follows
 * it in SQL.
 */
import { answerText, OBSERVATION_CLOSE, OBSERVATION_OPEN } from '../../../episode/tools.ts';
import type { Stream } from '../../../random/stream.ts';
import type { Variant } from '../schemas.ts';
import { Codes } from './codes.ts';

const LEAST = 4;
const MOST = 10;

/** The names of all columns that can be hidden. */
export const drillWords = (variants: readonly Variant[]): string[] => [
  ...new Set(
    variants.flatMap(({ tables }) =>
      tables.flatMap(({ columns }) =>
        columns
          .filter(({ kind }) => kind !== 'key' && kind !== 'reference')
          .map(({ name }) => name),
      ),
    ),
  ),
];

export function drill(words: readonly string[], stream: Stream): { prompt: string; text: string } {
  const chosen = stream.sample(words, stream.range(LEAST, MOST));
  const codes = new Codes(stream);
  const names = chosen.map((word) => `${word}_${codes.next()}`);
  const asked = stream.sample(chosen, 3).join(' ');
  return {
    prompt: `Question: ${asked}?\n${OBSERVATION_OPEN}4 left: ${names.join('\n ')}${OBSERVATION_CLOSE}`,
    text: answerText('ready', `SELECT ${stream.shuffle(names).join(', ')} FROM x`),
  };
}
