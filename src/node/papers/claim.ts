/**
 * Result files that several processes make together: whoever makes one claims it first. A claim names its
 * process and is touched while the work goes on, so that one left by a process that died is taken over.
 */
import { open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** A claim not touched for so long is a dead process's, whatever machine it was on. */
const SILENT_MS = 10 * 60_000;
const TOUCH_MS = 15_000;

interface Owner {
  pid: number;
  host: string;
  /** Tells apart two claims of one process number. */
  token: string;
}

export interface Claim {
  release(): Promise<void>;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const started = `${process.pid}-${Date.now().toString(36)}`;
let claims = 0;

/** Claims this process holds: a file with our number may be of an earlier process that had it. */
const held = new Set<string>();

async function isDead(path: string): Promise<boolean> {
  const [text, info] = await Promise.all([
    readFile(path, 'utf8').catch(() => undefined),
    stat(path).catch(() => undefined),
  ]);
  if (text === undefined || !info) return false; // released just now
  if (Date.now() - info.mtimeMs > SILENT_MS) return true;
  let owner: Partial<Owner>;
  try {
    owner = JSON.parse(text) as Partial<Owner>;
  } catch {
    return false; // being written; if its writer died, silence tells
  }
  if (owner.host !== hostname() || typeof owner.pid !== 'number') return false;
  return owner.pid === process.pid ? !held.has(owner.token ?? '') : !isAlive(owner.pid);
}

/** Undefined when another process is at it. */
export async function claim(path: string): Promise<Claim | undefined> {
  const token = `${started}-${claims++}`;
  const owner: Owner = { pid: process.pid, host: hostname(), token };
  const takesOver = await isDead(path);
  if (takesOver) await rm(path, { force: true });
  const handle = await open(path, 'wx').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  });
  if (!handle) return undefined;
  held.add(token);
  await handle.writeFile(JSON.stringify(owner)).finally(() => handle.close());
  if (takesOver) {
    // Two may have found the same claim dead, and the slower removed the faster one's: the last stays.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const last = await readFile(path, 'utf8').catch(() => '');
    if (!last.includes(token)) {
      held.delete(token);
      return undefined;
    }
  }
  const touching = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, TOUCH_MS);
  touching.unref();
  return {
    release: async () => {
      clearInterval(touching);
      held.delete(token);
      await rm(path, { force: true });
    },
  };
}

/** Undefined while there is none. */
export async function readResult<T>(path: string): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

/** Readers see the whole file or none. */
export async function writeResult(path: string, result: object): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  await writeFile(part, `${JSON.stringify(result, null, 1)}\n`);
  await rename(part, path);
}

/** All results of a folder; none where there is no folder. */
export async function readFolder<T>(folder: string): Promise<T[]> {
  const names = await readdir(folder).catch(() => []);
  const results = names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => readResult<T>(join(folder, name)));
  return (await Promise.all(results)).filter((result) => result !== undefined);
}
