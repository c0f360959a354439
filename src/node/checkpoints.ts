/** Policies from disk: the warm starts in the box, run folders, Hugging Face folders. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { badInput } from '../core/errors.ts';
import type { Recipe } from '../core/recipe/schema.ts';
import { loadSql } from '../core/sql/load.ts';
import { prmFolder, prmFromFiles } from '../core/train/prm/checkpoint.ts';
import type { PrmModel } from '../core/train/prm/scorer.ts';
import { scratchPolicy } from '../core/train/scratch-policy.ts';
import {
  policyFromFiles,
  warmStartFolder,
  type LoadedPolicy,
} from '../core/train/starting-policy.ts';
import { needsProcessModel } from '../core/train/step-values.ts';
import { RunFolder } from './run-folder.ts';

/** Files that ship with the package: the bundle is in dist/node/. */
export const PUBLIC = fileURLToPath(new URL('../../public/', import.meta.url));

async function folderFiles(path: string): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for (const name of await readdir(path)) {
    if (/\.(json|safetensors)$/.test(name)) files[name] = await readFile(join(path, name));
  }
  return files;
}

/** A checkpoint folder, or the latest checkpoint of a run folder. */
export async function loadCheckpoint(path: string): Promise<LoadedPolicy> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isDirectory()) throw badInput('checkpoint', path, 'a checkpoint or run folder');
  const checkpoint = await new RunFolder(path).latestCheckpoint();
  const files = checkpoint?.files ?? (await folderFiles(path));
  if (!files['model.safetensors']) {
    const expected = 'a checkpoint folder (with model.safetensors), or a run with a checkpoint';
    throw badInput('checkpoint', path, expected);
  }
  return policyFromFiles(files);
}

/** Where the warm start in `folder` (`warmStartFolder`) is kept. */
export const warmStartPath = (folder: string): string => join(PUBLIC, 'checkpoints', folder);

/** The name of a warm start, a checkpoint folder or a run folder. */
export async function loadNamedPolicy(name: string, field = 'checkpoint'): Promise<LoadedPolicy> {
  const folder = warmStartFolder(name);
  if (folder === undefined) return loadCheckpoint(name);
  const path = warmStartPath(folder);
  if (!(await stat(path).catch(() => undefined))) {
    const [, kind = '', seed = '0'] = /^warm(?:-([a-z]+))?-(\d+)$/.exec(folder)!;
    const flags = kind === '' ? '' : ` --kind ${kind}`;
    throw badInput(
      field,
      name,
      `a warm start that is there: make it with \`stepsql warm-start${flags} --seed ${seed}\``,
    );
  }
  return loadCheckpoint(path);
}

/** The policy a recipe starts from. `path` stands in for a checkpoint named by its hash. */
export async function startingPolicy(recipe: Recipe, path?: string): Promise<LoadedPolicy> {
  const { checkpoint } = recipe.policy;
  if (path !== undefined) return loadCheckpoint(path);
  if (checkpoint === 'scratch') return scratchPolicy(recipe, loadSql);
  if (warmStartFolder(checkpoint)) return loadNamedPolicy(checkpoint, 'policy.checkpoint');
  throw badInput('policy.checkpoint', checkpoint, 'its folder, given with --checkpoint');
}

/** A process reward model: `prm`, `prm-<seed>` or the folder of one. */
export async function loadPrm(name: string, field = 'prm'): Promise<PrmModel> {
  const folder = prmFolder(name);
  const path = folder === undefined ? name : join(PUBLIC, 'checkpoints', folder);
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) {
    throw badInput(
      field,
      name,
      'the folder of a process reward model: make one with `stepsql prm`',
    );
  }
  return prmFromFiles(await folderFiles(path));
}

/**
 * What `train` needs to score steps by a model, where the recipe asks for it. `path` stands in for the
 * checkpoint that the recipe names.
 */
export async function processModelOf(
  recipe: Recipe,
  path?: string,
): Promise<{ processModel?: PrmModel }> {
  if (!needsProcessModel(recipe) || recipe.method !== 'grpo') return {};
  const { checkpoint } = recipe.process_values;
  if (path === undefined && prmFolder(checkpoint) === undefined) {
    throw badInput('process_values.checkpoint', checkpoint, 'its folder, given with --prm');
  }
  return { processModel: await loadPrm(path ?? checkpoint, 'process_values.checkpoint') };
}
