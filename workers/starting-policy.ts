/** Policies in a tab: the warm starts in the box, new weights, and the checkpoints of runs. */
import { badInput, StepSqlError } from '../src/core/errors.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import { PRM_FILES, prmFolder, prmFromFiles } from '../src/core/train/prm/checkpoint.ts';
import type { PrmModel } from '../src/core/train/prm/scorer.ts';
import {
  POLICY_FILES,
  policyFromFiles,
  warmStartFolder,
  type LoadedPolicy,
} from '../src/core/train/starting-policy.ts';
import { needsProcessModel } from '../src/core/train/step-values.ts';
import type { SqlLoader } from '../src/core/train/warm-start/kind.ts';
import { publicUrl, sqlWasm } from './assets.ts';
import type { RunDatabase } from './run-database.ts';

/** A file of the page's own. Throws `network` without a connection, `bad_input` when it is not there. */
export async function fetchPublic(path: string): Promise<Uint8Array> {
  let response: Response, bytes: ArrayBuffer;
  try {
    response = await fetch(publicUrl(path));
    bytes = await response.arrayBuffer();
  } catch (error) {
    const text = `${path} could not be fetched: is there a connection? (${(error as Error).message})`;
    throw new StepSqlError('network', text);
  }
  // Some hosts answer a missing file with their start page.
  const page = response.headers.get('content-type')?.startsWith('text/html');
  if (!response.ok || page) throw badInput(path, response.status, 'a file that this site has');
  return new Uint8Array(bytes);
}

/** Files of a checkpoint of the page's own; `expected` where it is not there. */
async function fetchCheckpoint(
  folder: string,
  names: readonly string[],
  field: string,
  expected: string,
): Promise<Record<string, Uint8Array>> {
  const files = await Promise.all(
    names.map(async (file) => [file, await fetchPublic(`checkpoints/${folder}/${file}`)] as const),
  ).catch((error: StepSqlError) => {
    if (error.code === 'network') throw error;
    throw badInput(field, folder, expected);
  });
  return Object.fromEntries(files);
}

async function warmStart(name: string): Promise<LoadedPolicy> {
  const expected = 'warm, or a warm start that this site has';
  const files = await fetchCheckpoint(
    ...[warmStartFolder(name)!, POLICY_FILES, 'policy.checkpoint', expected],
  );
  return policyFromFiles(files);
}

/** What scores steps, where a recipe asks for it. */
export async function processModelOf(recipe: Recipe): Promise<{ processModel?: PrmModel }> {
  if (!needsProcessModel(recipe) || recipe.method !== 'grpo') return {};
  const field = 'process_values.checkpoint';
  const { checkpoint } = recipe.process_values;
  const folder = prmFolder(checkpoint);
  if (!folder) throw badInput(field, checkpoint, 'prm or prm-<seed> in the browser');
  const expected = 'prm, or a process reward model that this site has';
  return { processModel: prmFromFiles(await fetchCheckpoint(folder, PRM_FILES, field, expected)) };
}

/** sql.js in this thread, for corpora that show what comes of queries; queries of policies run elsewhere. */
export const loadSqlHere: SqlLoader = async () => {
  const { loadSql } = await import('../src/core/sql/load.ts');
  return loadSql(() => sqlWasm);
};

/** What a recipe starts from. */
export async function startingPolicy(recipe: Recipe): Promise<LoadedPolicy> {
  const { checkpoint } = recipe.policy;
  if (checkpoint === 'scratch') {
    // With the Nursery, which the warm starts do without.
    const { scratchPolicy } = await import('../src/core/train/scratch-policy.ts');
    return scratchPolicy(recipe, loadSqlHere);
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
