/** Policies in a tab: the warm starts in the box, new weights, and the checkpoints of runs. */
import { badInput } from '../src/core/errors.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import {
  policyFromFiles,
  warmStartFolder,
  type LoadedPolicy,
} from '../src/core/train/starting-policy.ts';
import { publicUrl } from './assets.ts';
import type { RunDatabase } from './run-database.ts';

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

/** A file of the page's own. Throws `asset` when it cannot be had. */
export async function fetchPublic(path: string): Promise<Uint8Array> {
  const response = await fetch(publicUrl(path)).catch((error: Error) => {
    throw badInput('network', error.message, `a connection, to fetch ${path}`);
  });
  // Some hosts answer a missing file with their start page.
  const page = response.headers.get('content-type')?.startsWith('text/html');
  if (!response.ok || page) throw badInput(path, response.status, 'a file that this site has');
  return new Uint8Array(await response.arrayBuffer());
}

async function warmStart(name: string): Promise<LoadedPolicy> {
  const folder = warmStartFolder(name)!;
  const files = await Promise.all(
    FILES.map(async (file) => [file, await fetchPublic(`checkpoints/${folder}/${file}`)] as const),
  ).catch(() => {
    throw badInput('policy.checkpoint', name, 'warm, or a warm start that this site has');
  });
  return policyFromFiles(Object.fromEntries(files));
}

/** What a recipe starts from. */
export async function startingPolicy(recipe: Recipe): Promise<LoadedPolicy> {
  const { checkpoint } = recipe.policy;
  if (checkpoint === 'scratch') {
    // With the Nursery, which the warm starts do without.
    const { scratchPolicy } = await import('../src/core/train/scratch-policy.ts');
    return scratchPolicy(recipe);
  }
  if (warmStartFolder(checkpoint)) return warmStart(checkpoint);
  throw badInput('policy.checkpoint', checkpoint, 'warm, warm-<seed> or scratch in the browser');
}

/** The policy at the checkpoint a run would go on from. */
export async function trainedPolicy(database: RunDatabase, run: string): Promise<LoadedPolicy> {
  const checkpoint = await database.store(run).latestCheckpoint();
  if (!checkpoint) throw badInput('run', run, 'a run with a checkpoint');
  return policyFromFiles(checkpoint.files);
}
