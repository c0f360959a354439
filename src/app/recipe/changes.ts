/** What a recipe changes of its preset, as lines people can read and take back. */
import { difference, patch } from '../../core/recipe/change.ts';
import {
  applies,
  fieldAt,
  recipeFields,
  valueAt,
  type Field,
  type FieldValue,
} from '../../core/recipe/fields.ts';
import type { RecipeJson } from '../../core/recipe/migrations.ts';
import { parseRecipe } from '../../core/recipe/parse.ts';
import { presetRecipe, type PresetName } from '../../core/recipe/presets.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import { unpinned } from './edit.ts';

export interface Change {
  field: Field;
  /** The preset's value; the default where the preset has no such field. */
  from: FieldValue;
  to: FieldValue;
}

/** The preset with the recipe's seed: every run has a seed of its own, so it is no change. */
const baseOf = (preset: PresetName, recipe: Recipe): Recipe => ({
  ...presetRecipe(preset),
  seed: recipe.seed,
});

type Leaf = readonly [path: string, value: unknown];

/** The fields that `json` holds. */
function leavesOf(json: RecipeJson): Leaf[] {
  const paths = new Set(recipeFields.map(({ path }) => path));
  return [...paths].flatMap((path): Leaf[] => {
    const value = valueAt(json, path);
    return value === undefined ? [] : [[path, value]];
  });
}

function nested(leaves: readonly Leaf[]): RecipeJson {
  const json: RecipeJson = {};
  for (const [path, value] of leaves) {
    const keys = path.split('.');
    const last = keys.pop()!;
    let holder = json;
    for (const key of keys) holder = (holder[key] ??= {}) as RecipeJson;
    holder[last] = value;
  }
  return json;
}

/**
 * The settings in which `recipe` differs from `preset`, in the order of the schema. Left out: the seed,
 * the content hash of the data (a finding, no setting), and choices that only follow from another
 * method.
 */
export function changesFrom(preset: PresetName, recipe: Recipe): Change[] {
  const base = baseOf(preset, recipe);
  const leaves = leavesOf(difference(base, recipe));
  const choosers = leaves.filter(([path]) => fieldAt(path, recipe)!.discriminates);
  const switched = patch(base, nested(choosers));
  return leaves.flatMap(([path, to]): Change[] => {
    const field = fieldAt(path, recipe)!;
    const had = valueAt(field.discriminates ? base : switched, path);
    const from = (had === undefined ? field.default : had) as FieldValue;
    const follows = field.discriminates && from === to;
    return follows || path === 'data.sha256' ? [] : [{ field, from, to: to as FieldValue }];
  });
}

/**
 * `recipe` with the preset's value at `path` again; what existed only through that choice goes with it.
 * Throws `bad_input` when the other changes do not allow it.
 */
export function undoChange(preset: PresetName, recipe: Recipe, path: string): Recipe {
  const base = baseOf(preset, recipe);
  const others = leavesOf(difference(base, recipe)).filter(([each]) => each !== path);
  const kept = others.filter(([each], _, all) => {
    const choosers = all.filter(([other]) =>
      recipeFields.some((f) => f.path === other && f.discriminates),
    );
    const json = patch(base, nested(choosers));
    return recipeFields.some((field) => field.path === each && applies(field, json));
  });
  return unpinned(recipe, parseRecipe(patch(base, nested(kept))));
}

/** The preset as a start from `recipe`: its seed and its data stay. */
export const startFrom = (preset: PresetName, { seed, data }: Recipe): Recipe => ({
  ...presetRecipe(preset),
  seed,
  data,
});

/** The preset with the recipe's seed; data that is the preset's keeps its content hash. */
export function resetTo(preset: PresetName, recipe: Recipe): Recipe {
  const reset = baseOf(preset, recipe);
  return unpinned(recipe, {
    ...reset,
    data: { ...reset.data, sha256: recipe.data.sha256 },
  });
}

/** A value as a list of changes shows it. */
export const shownValue = (value: FieldValue): string =>
  value === null ? 'none' : value === '' ? '(empty)' : String(value);
