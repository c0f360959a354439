/** The format of a thought before the answer, and the gate that FINER-SQL (2605.03465) puts before its reward. */
import { THINK_CLOSE, THINK_OPEN } from '../episode/think.ts';

const count = (text: string, part: string): number => text.split(part).length - 1;

/**
 * The thought of a text of the form `<think> thought </think> answer`: exactly one opening and one closing tag,
 * in this order, nothing but white space before, something after. Undefined for any other text.
 */
export function formattedThought(text: string): string | undefined {
  if (count(text, THINK_OPEN) !== 1 || count(text, THINK_CLOSE) !== 1) return undefined;
  const open = text.indexOf(THINK_OPEN);
  const close = text.indexOf(THINK_CLOSE);
  const wellPlaced = open < close && text.slice(0, open).trim() === '';
  const answer = text.slice(close + THINK_CLOSE.length).trim();
  if (!wellPlaced || answer === '') return undefined;
  return text.slice(open + THINK_OPEN.length, close).trim();
}

/**
 * FINER-SQL's F: a well-formed thought of more than `minCharacters` characters (the released code says 100; a
 * comment in it 200).
 */
export function passesFormatGate(text: string, minCharacters: number): boolean {
  const thought = formattedThought(text);
  return thought !== undefined && thought.length > minCharacters;
}
