/**
 * Bringing older recipes and links up to the present version. When a default or a meaning changes:
 * raise `RECIPE_VERSION`, append a step here that writes the old default into what does not say
 * otherwise, and store a link made by the last version as a fixture in `link.test.ts`.
 */
import { badInput } from '../errors.ts';
import { RECIPE_VERSION } from './schema.ts';

export type RecipeJson = Record<string, unknown>;

/** A pure function from version n to n + 1; it gets whole recipes and the differences of links. */
export type Migration = (recipe: RecipeJson) => RecipeJson;

/** The step at index i leads from version i + 1 to i + 2. */
const migrations: readonly Migration[] = [];

/** Applies the steps from `version` on. Throws `bad_input` for a version that is not known. */
export function migrate(
  recipe: RecipeJson,
  version: number,
  steps: readonly Migration[] = migrations,
): RecipeJson {
  const newest = steps.length + 1;
  if (!Number.isInteger(version) || version < 1 || version > newest) {
    const newer = typeof version === 'number' && version > newest;
    const hint = newer ? ' (it comes from a newer StepSQL)' : '';
    throw badInput('version', version, `a version from 1 to ${newest}${hint}`);
  }
  return steps.slice(version - 1).reduce((json, step) => step(json), recipe);
}

/** Recipes are a few levels deep; JSON deeper than this would only exhaust the stack. */
const MAX_DEPTH = 32;

function depthBelow(json: unknown, limit: number): boolean {
  if (typeof json !== 'object' || json === null) return true;
  return limit > 0 && Object.values(json).every((value) => depthBelow(value, limit - 1));
}

/** A whole recipe of any version as one of the present version, not yet checked. */
export function migrateRecipe(json: unknown): RecipeJson {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw badInput('recipe', json, 'an object');
  }
  if (!depthBelow(json, MAX_DEPTH)) {
    throw badInput('recipe', json, `at most ${MAX_DEPTH} levels of nesting`);
  }
  const { version = RECIPE_VERSION, ...rest } = json as RecipeJson;
  return { ...migrate(rest, version as number), version: RECIPE_VERSION };
}
