/** Runs of the command line, for comparing with the tab. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sha256Hex } from '../src/core/recipe/canonical.ts';
import type { Fingerprint } from '../src/core/recipe/fingerprint.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import { NODE_CLI } from './paths.ts';

const run = promisify(execFile);

/** `stepsql …`; rejects when it fails. Returns what it prints on standard output. */
export async function stepsql(...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [NODE_CLI, ...args], { maxBuffer: 64 << 20 });
  return stdout;
}

export interface NodeRun {
  /** As it was trained, with the hash of its data. */
  recipe: Recipe;
  fingerprint: Fingerprint;
  /** SHA-256 of the last checkpoint's model.safetensors. */
  weights: string;
}

/** `stepsql train <source> --set …` on wasm, in a folder that does not stay. */
export async function trainInNode(source: string, ...set: string[]): Promise<NodeRun> {
  const out = await mkdtemp(join(tmpdir(), 'stepsql-e2e-'));
  try {
    const assignments = set.flatMap((assignment) => ['--set', assignment]);
    const folder = join(out, 'run');
    await stepsql('train', source, ...assignments, '--backend', 'wasm', '--json', '--out', folder);
    const checkpoint = join(folder, 'checkpoints');
    const latest = join(checkpoint, (await readFile(join(checkpoint, 'latest'), 'utf8')).trim());
    const read = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, 'utf8'));
    return {
      recipe: (await read(join(folder, 'recipe.json'))) as Recipe,
      fingerprint: ((await read(join(latest, 'trainer_state.json'))) as NodeRun).fingerprint,
      weights: sha256Hex(await readFile(join(latest, 'model.safetensors'))),
    };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
