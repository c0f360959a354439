/** JSON lines from a file or standard input, and back. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { badInput } from '../core/errors.ts';

export interface JsonLine {
  value: unknown;
  /** `file:line`, for messages. */
  at: string;
}

/** The text of a file, or of standard input for `-`. Throws `bad_input` naming `field`. */
export async function readInput(path: string, field: string): Promise<string> {
  if (path === '-') return text(process.stdin);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw badInput(field, path, `a file that can be read (${(error as Error).message})`);
  }
}

/** Every non-empty line. Throws `bad_input` naming the line that is not JSON. */
export async function readJsonLines(path: string): Promise<JsonLine[]> {
  const name = path === '-' ? 'stdin' : path;
  const input = await readInput(path, 'input');
  return input.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const at = `${name}:${i + 1}`;
    try {
      return [{ value: JSON.parse(line) as unknown, at }];
    } catch (error) {
      throw badInput(at, line.trim(), `a line of JSON (${(error as Error).message})`);
    }
  });
}
