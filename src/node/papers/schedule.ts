/** Makes result files, some side by side, sharing the work with whoever else is at it. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { duration } from '../progress.ts';
import { claim, readResult, writeResult } from './claim.ts';
import { describePiece, resultPath, type Make, type MakeOptions, type Piece } from './piece.ts';

/** Between looks at what other processes have finished. */
const LOOK_MS = 2000;

export interface ScheduleOptions extends Omit<MakeOptions, 'onProgress'> {
  make: Make;
  /** Pieces at a time. */
  jobs: number;
  /** A line that stays. */
  note: (text: string) => void;
  /** What is going on at the moment, as one line. */
  show: (done: number, total: number, text: string) => void;
  /** Milliseconds of a steady clock. */
  now?: () => number;
}

const wait = (ms: number, stop: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    stop.addEventListener('abort', done);
  });

/**
 * The result of every piece, in order, made where it is not there yet; undefined when stopped. Pieces that
 * other processes have claimed are waited for. When making one fails, those under way are finished, then
 * the failure is thrown.
 */
export async function makeAll<T extends object>(
  pieces: readonly Piece[],
  options: ScheduleOptions,
): Promise<T[] | undefined> {
  const { out, jobs, stop, note, show, make, now = () => performance.now() } = options;
  const results = new Map<Piece, T>();
  const working = new Map<Piece, string>();
  const failures: unknown[] = [];
  let made = 0;
  const began = now();
  const progress = (): void => {
    const left = pieces.length - results.size;
    const estimate =
      made > 0 ? `about ${duration(((now() - began) / 1000 / made) * left)} left` : '';
    const parts = [estimate, ...working.values()].filter((part) => part !== '');
    show(results.size, pieces.length, parts.join(' | '));
  };
  const makeOne = async (piece: Piece): Promise<'made' | 'taken'> => {
    const path = resultPath(out, piece);
    await mkdir(dirname(path), { recursive: true });
    const ours = await claim(`${path}.claimed`);
    if (!ours) return 'taken';
    try {
      const there = await readResult<T>(path); // finished by another between looking and claiming
      const result =
        there ??
        ((await make(piece, {
          ...options,
          onProgress: (done, total, text) => {
            working.set(piece, `${describePiece(piece)}: ${done}/${total} ${text}`);
            progress();
          },
        })) as T | undefined);
      if (!result) return 'taken'; // stopped
      if (!there) {
        await writeResult(path, result);
        made++;
        note(`${describePiece(piece)}: done`);
      }
      results.set(piece, result);
      return 'made';
    } finally {
      await ours.release();
      working.delete(piece);
    }
  };
  const worker = async (): Promise<void> => {
    while (!stop.aborted && failures.length === 0) {
      let waiting = false;
      let busy = false;
      for (const piece of pieces) {
        if (results.has(piece) || working.has(piece)) continue;
        const there = await readResult<T>(resultPath(out, piece));
        if (there) {
          results.set(piece, there);
          continue;
        }
        if (working.has(piece)) continue; // taken while we were looking
        working.set(piece, describePiece(piece));
        try {
          if ((await makeOne(piece)) === 'made') busy = true;
          else waiting = true;
        } catch (error) {
          failures.push(error);
        } finally {
          working.delete(piece);
        }
        if (stop.aborted || failures.length > 0) return;
        if (busy) break; // look again from the first: others may have finished some
      }
      if (busy) continue;
      if (!waiting) return;
      await wait(LOOK_MS, stop);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
  if (failures.length > 0) throw failures[0];
  if (results.size < pieces.length) return undefined;
  return pieces.map((piece) => results.get(piece)!);
}
