/** `<recipe | file | link | run>` as people give it on the command line. */
import { readFile, stat } from 'node:fs/promises';
import { badInput } from '../../core/errors.ts';
import { applySet } from '../../core/recipe/change.ts';
import { fingerprintOf, type Fingerprint } from '../../core/recipe/fingerprint.ts';
import { decodeLink } from '../../core/recipe/link.ts';
import { parseRecipeText } from '../../core/recipe/parse.ts';
import { isPreset, presetNames, presetRecipe } from '../../core/recipe/presets.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import { RunFolder } from '../run-folder.ts';

export interface RecipeSource {
  recipe: Recipe;
  /** Of the run that the recipe comes from, when there is one and nothing was changed. */
  fingerprint: Fingerprint | undefined;
  /** What a link had to be mended for, one line each. */
  notes: string[];
}

async function fromRun(path: string): Promise<Omit<RecipeSource, 'notes'>> {
  const run = new RunFolder(path);
  const recipe = await run.readRecipe();
  if (!recipe) throw badInput('recipe', path, 'a run folder with a recipe.json');
  const checkpoint = await run.latestCheckpoint();
  return { recipe, fingerprint: checkpoint && fingerprintOf(checkpoint.files) };
}

async function read(source: string): Promise<RecipeSource> {
  if (isPreset(source)) {
    return { recipe: presetRecipe(source), fingerprint: undefined, notes: [] };
  }
  if (/(^|#)\/?run\/\d/.test(source)) return decodeLink(source);
  const info = await stat(source).catch(() => undefined);
  if (info?.isDirectory()) return { ...(await fromRun(source)), notes: [] };
  if (info?.isFile()) {
    const recipe = parseRecipeText(await readFile(source, 'utf8'));
    return { recipe, fingerprint: undefined, notes: [] };
  }
  const expected = `one of ${presetNames.join(', ')}, a recipe file, a run folder or a link`;
  throw badInput('recipe', source, expected);
}

/** Reads the recipe that `source` names and applies `--set` assignments. Throws `bad_input`. */
export async function readRecipeSource(
  source: string,
  assignments: readonly string[] = [],
): Promise<RecipeSource> {
  const found = await read(source);
  if (assignments.length === 0) return found;
  return { ...found, recipe: applySet(found.recipe, ...assignments), fingerprint: undefined };
}
