/** Which recipe a policy is measured by, when all that is given is the policy's name. */
import { basename, dirname, resolve } from 'node:path';
import { parseRecipe } from '../../core/recipe/parse.ts';
import { presetRecipe } from '../../core/recipe/presets.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import { warmStartFolder } from '../../core/train/starting-policy.ts';
import { changesFor, warmStarts, type WarmStartName } from '../../core/train/warm-start/index.ts';
import { RunFolder } from '../run-folder.ts';
import { readRecipeSource } from './recipe-source.ts';

/** Of the run folder, or of the run that a checkpoint folder lies in. */
async function recipeOfRun(path: string): Promise<Recipe | undefined> {
  const whole = resolve(path);
  const inRun = basename(dirname(whole)) === 'checkpoints';
  return new RunFolder(inRun ? dirname(dirname(whole)) : whole).readRecipe();
}

/** Protocol, data and lengths of a warm start that is named `warm-<protocol>-<seed>`, or whose folder is. */
function recipeOfWarmStart(name: string): Recipe | undefined {
  const folder = warmStartFolder(basename(resolve(name)));
  const kind = folder && /^warm-([a-z]+)-\d+$/.exec(folder)?.[1];
  if (!kind || !Object.hasOwn(warmStarts, kind)) return undefined;
  const changes = changesFor(kind as WarmStartName);
  return parseRecipe({ ...changes, method: 'grpo', name: folder });
}

/**
 * @param name a warm start, a checkpoint folder or a run folder
 * @param source a recipe given beside it, which goes before
 */
export async function namedRecipe(
  name: string,
  source?: string,
  assignments: readonly string[] = [],
): Promise<Recipe> {
  if (source !== undefined) return (await readRecipeSource(source, assignments)).recipe;
  return (await recipeOfRun(name)) ?? recipeOfWarmStart(name) ?? presetRecipe('grpo');
}
