/** Warm starts of an experiment: those in the box where there are, else made into its run folder. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../../core/recipe/canonical.ts';
import { warmStartPath } from '../checkpoints.ts';
import { runCommand } from './command.ts';
import type { MakeOptions } from './piece.ts';
import type { WarmResult } from './result.ts';

/** What `stepsql warm-start --json` prints. */
interface Printed {
  missed: string[];
  out: string;
  [measured: string]: unknown;
}

/** The folder that `--checkpoint` would name; undefined where the recipe's own name is enough. */
export const startFolder = ({ checkpoint, path }: WarmResult): string | undefined =>
  checkpoint.startsWith('warm') ? undefined : path;

const isThere = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined)) !== undefined;

/**
 * Made with `--force`, so that one that misses its limits is known and not made again; arms do not start
 * from it. Undefined when stopped.
 */
export async function makeWarmStart(
  seed: number,
  options: MakeOptions,
): Promise<WarmResult | undefined> {
  const { start: kind } = options.experiment;
  const name = kind === 'direct' ? `warm-${seed}` : `warm-${kind}-${seed}`;
  const boxed = warmStartPath(name);
  if (await isThere(boxed)) {
    const report = JSON.parse(await readFile(join(boxed, 'report.json'), 'utf8')) as Printed;
    return { kind, seed, path: boxed, checkpoint: name, missed: [], report };
  }
  const path = join(options.runs, '..', 'warm', `${kind}-${seed}`);
  const what = ['--kind', kind, '--seed', String(seed), '--out', path, '--work', `${path}-run`];
  const args = ['warm-start', ...what, '--force'];
  const from = options.base?.replaceAll('{seed}', String(seed));
  const base = from === undefined ? [] : ['--base', from];
  const more = [...base, '--backend', 'wasm'];
  const printed = (await runCommand([...args, ...more], options)) as Printed | undefined;
  if (!printed) return undefined;
  const { missed, out, ...report } = printed;
  const checkpoint = sha256Hex(await readFile(join(out, 'model.safetensors')));
  return { kind, seed, path: out, checkpoint, missed, report, ...(from && { base: from }) };
}
