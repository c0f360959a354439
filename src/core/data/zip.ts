/** A zip archive as a FileSource, with limits: archives come from anywhere. */
import { unzipSync } from 'fflate';
import type { UnzipFileInfo } from 'fflate';
import { badInput, StepSqlError } from '../errors.ts';
import type { FileSource } from './source.ts';

export interface ZipLimits {
  /** Files and folders listed. Default 20 000. */
  entries: number;
  /** Bytes of one file, unpacked. Default 1 GiB. */
  fileBytes: number;
  /** Bytes of all files, unpacked. Default 8 GiB: files are unpacked one at a time. */
  totalBytes: number;
}

const DEFAULT_LIMITS: ZipLimits = {
  entries: 20_000,
  fileBytes: 0x4000_0000,
  totalBytes: 8 * 0x4000_0000,
};

/** Deflate's largest ratio: memory is taken for the declared size, whatever the data then say. */
const MAX_RATIO = 1032;

/** What file managers add for themselves. */
const isLitter = (path: string): boolean =>
  path.startsWith('__MACOSX/') || /(?:^|\/)(?:\.DS_Store|Thumbs\.db)$/.test(path);

function checkPath(archive: string, path: string): void {
  const parts = path.replace(/\/$/, '').split('/');
  const escapes = parts.some((part) => part === '' || part === '.' || part === '..');
  if (escapes || /[\\\0]/.test(path) || /^[A-Za-z]:/.test(path)) {
    throw badInput(`${archive}: entry name`, path, 'a relative path that stays inside the archive');
  }
}

/** Runs fflate, whose own errors (bad archive, unknown compression) become readable ones. */
function unzip(
  archive: string,
  bytes: Uint8Array,
  filter: (entry: UnzipFileInfo) => boolean,
): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes, { filter });
  } catch (error) {
    if (error instanceof StepSqlError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw badInput(archive, `${bytes.length} bytes`, `a zip archive (${reason})`);
  }
}

/**
 * Opens an archive: lists it now, unpacks each file when read.
 * @throws StepSqlError when it is not a zip, exceeds a limit, repeats a name or leads outside itself
 */
export function zipSource(
  bytes: Uint8Array,
  name = 'zip',
  limits: Partial<ZipLimits> = {},
): FileSource {
  const { entries, fileBytes, totalBytes } = { ...DEFAULT_LIMITS, ...limits };
  const sizes = new Map<string, number>();
  let count = 0;
  let total = 0;
  unzip(name, bytes, (entry) => {
    if (++count > entries) throw badInput(`${name}: entries`, count, `at most ${entries}`);
    checkPath(name, entry.name);
    if (entry.name.endsWith('/') || isLitter(entry.name)) return false;
    const size = entry.originalSize;
    if (size > fileBytes) {
      throw badInput(`${name}: size of ${entry.name}`, size, `at most ${fileBytes} bytes unpacked`);
    }
    if (size > MAX_RATIO * entry.size + MAX_RATIO) {
      throw badInput(
        `${name}: size of ${entry.name}`,
        size,
        `what ${entry.size} bytes can unpack to`,
      );
    }
    total += size;
    if (total > totalBytes) {
      throw badInput(`${name}: size in all`, total, `at most ${totalBytes} bytes unpacked`);
    }
    if (sizes.has(entry.name)) throw badInput(`${name}: entry`, entry.name, 'a name used once');
    sizes.set(entry.name, size);
    return false;
  });
  return {
    name,
    list: async () => [...sizes.keys()].sort(),
    async read(path) {
      const size = sizes.get(path);
      if (size === undefined) throw badInput(`${name}: file`, path, 'a file of the archive');
      // The declared size bounds what fflate writes, so a lying header cannot inflate further.
      const data = unzip(name, bytes, (entry) => entry.name === path)[path];
      if (data?.length !== size) {
        throw badInput(`${name}: size of ${path}`, data?.length, `${size} bytes as declared`);
      }
      return data;
    },
  };
}
