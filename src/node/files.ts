/** Folders and zip files as a FileSource for the importers. */
import { readFile, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { FileSource } from '../core/data/source.ts';
import { zipSource } from '../core/data/zip.ts';
import { badInput } from '../core/errors.ts';

/** A dataset is a few thousand files: more means somebody named their home folder. */
const MAX_FILES = 100_000;

/** Node reads no larger file in one piece. */
const MAX_ZIP_BYTES = 0x7fff_ffff;

/** Relative paths of all files below `root`; links are followed, each folder visited once. */
async function walk(root: string): Promise<string[]> {
  const files: string[] = [];
  const visited = new Set<string>();
  const visit = async (relative: string): Promise<void> => {
    const folder = join(root, relative);
    const real = await realpath(folder);
    if (visited.has(real)) return;
    visited.add(real);
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      const kind = entry.isSymbolicLink()
        ? await stat(join(root, path)).catch(() => undefined)
        : entry;
      if (kind?.isDirectory()) await visit(path);
      else if (kind?.isFile()) files.push(path);
      if (files.length > MAX_FILES) {
        throw badInput(root, `more than ${MAX_FILES} files`, 'a dataset folder');
      }
    }
  };
  await visit('');
  return files.sort();
}

function folderSource(root: string): FileSource {
  let listing: Promise<string[]> | undefined;
  const list = (): Promise<string[]> => (listing ??= walk(root));
  return {
    name: basename(root),
    list: async () => [...(await list())],
    async read(path) {
      if (!(await list()).includes(path)) throw badInput('file', path, `a file of ${root}`);
      return new Uint8Array(await readFile(join(root, path)));
    },
  };
}

/**
 * A dataset on disk: a folder, or a `.zip` of one.
 * @throws StepSqlError when there is nothing there, or something else
 */
export async function openFiles(path: string): Promise<FileSource> {
  const absolute = resolve(path);
  const info = await stat(absolute).catch(() => undefined);
  if (info?.isDirectory()) return folderSource(absolute);
  if (info?.isFile() && /\.zip$/i.test(absolute)) {
    if (info.size > MAX_ZIP_BYTES) {
      throw badInput('data', path, 'a zip below 2 GiB: unpack a larger one and name its folder');
    }
    return zipSource(new Uint8Array(await readFile(absolute)), basename(absolute));
  }
  throw badInput('data', path, 'an existing folder or .zip file');
}
