/** Where an importer's files come from: a folder, a zip, or files a visitor picked. */
import { badInput } from '../errors.ts';

export interface FileSource {
  /** What people call it: a folder's or archive's name. Goes into the dataset's name and messages. */
  name: string;
  /** Every file as a relative path with `/`, in code-unit order. */
  list(): Promise<string[]>;
  /** Bytes of one listed file. */
  read(path: string): Promise<Uint8Array>;
}

export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Folder of a path with its final `/`, '' at the top. */
export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);

/** Paths whose last part is `name`, shallowest first: archives often wrap everything in one folder. */
export function withName(paths: readonly string[], name: string): string[] {
  const depth = (path: string): number => path.split('/').length;
  return paths.filter((path) => baseName(path) === name).sort((a, b) => depth(a) - depth(b));
}

/** A file as text. @throws StepSqlError when it is not UTF-8 */
export async function readText(source: FileSource, path: string): Promise<string> {
  const bytes = await source.read(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badInput(path, `${bytes.length} bytes`, 'text in UTF-8');
  }
}

function parseJson(text: string, at: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badInput(at, text.trim().slice(0, 40), `valid JSON (${reason})`);
  }
}

/** One record of a file with the place that messages name: `dev.json[3]`, `own.jsonl:4`. */
export interface Located {
  value: unknown;
  at: string;
}

/**
 * The records of a `.json` file (a list) or `.jsonl` file (one a line, empty lines skipped).
 * @throws StepSqlError naming the file, and the line where there is one
 */
export async function readRecords(source: FileSource, path: string): Promise<Located[]> {
  const text = await readText(source, path);
  if (path.endsWith('.jsonl')) {
    return text.split('\n').flatMap((line, i) => {
      const at = `${path}:${i + 1}`;
      return line.trim() === '' ? [] : [{ value: parseJson(line, at), at }];
    });
  }
  const list = parseJson(text, path);
  if (!Array.isArray(list)) throw badInput(path, list, 'a list of records');
  return list.map((value: unknown, i) => ({ value, at: `${path}[${i}]` }));
}
