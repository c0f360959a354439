/** Changing recipes: `--set` assignments, and the difference between a recipe and a preset. */
import { badInput } from '../errors.ts';
import { canonicalJson } from './canonical.ts';
import { applies, expectation, fieldAt, recipeFields, valueAt, type Field } from './fields.ts';
import type { RecipeJson } from './migrations.ts';
import { completeRecipe, parseRecipe, unknownField } from './parse.ts';
import type { Recipe } from './schema.ts';

/** Sets the value at a dotted path in place, making objects on the way. */
function setAt(json: RecipeJson, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  let holder = json;
  for (const key of keys) holder = (holder[key] ??= {}) as RecipeJson;
  holder[last] = value;
}

function removeAt(json: RecipeJson, path: string): void {
  const cut = path.lastIndexOf('.');
  const holder = cut < 0 ? json : valueAt(json, path.slice(0, cut));
  if (holder) Reflect.deleteProperty(holder as RecipeJson, path.slice(cut + 1));
}

function removeEmptySections(json: RecipeJson): void {
  for (const [key, value] of Object.entries(json)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
    removeEmptySections(value as RecipeJson);
    if (Object.keys(value).length === 0) Reflect.deleteProperty(json, key);
  }
}

/** Sets a discriminator and removes the fields that its former value alone had. */
function switchTo(json: RecipeJson, chooser: Field, value: unknown): void {
  if (valueAt(json, chooser.path) === value) return;
  const before = recipeFields.filter((field) => applies(field, json));
  setAt(json, chooser.path, value);
  for (const field of before) if (!applies(field, json)) removeAt(json, field.path);
  removeEmptySections(json);
}

function readValue(field: Field, text: string): unknown {
  if (field.nullable && text === 'null') return null;
  switch (field.kind) {
    case 'flag':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'number':
    case 'integer':
      // What is no number stays text, for the schema to refuse as it was written.
      return text === '' || Number.isNaN(Number(text)) ? text : Number(text);
    default:
      return text;
  }
}

/**
 * A recipe changed by assignments such as `grpo.beta=0.01`. Changing what others
 * depend on (`method`, `reward.name`, …) gives the dependent fields their defaults. Throws `bad_input`.
 */
export function applySet(recipe: Recipe, ...assignments: string[]): Recipe {
  const json = structuredClone(recipe) as RecipeJson;
  for (const assignment of assignments) {
    const equals = assignment.indexOf('=');
    if (equals < 1) throw badInput('--set', assignment, 'key=value, for example grpo.beta=0.01');
    const path = assignment.slice(0, equals).trim();
    const text = assignment.slice(equals + 1).trim();
    const field = fieldAt(path, json);
    if (!field) throw unknownField(path, text, json);
    const value = readValue(field, text);
    if (field.discriminates) {
      if (!field.choices!.includes(text)) throw badInput(path, text, expectation(field));
      switchTo(json, field, value);
    } else {
      setAt(json, path, value);
    }
  }
  return parseRecipe(json);
}

const same = (a: unknown, b: unknown) => canonicalJson(a ?? null) === canonicalJson(b ?? null);

/** The fields in which `recipe` differs from `base`, as nested JSON: `patch(base, …)` undoes it. */
export function difference(base: Recipe, recipe: Recipe): RecipeJson {
  const changed: RecipeJson = {};
  const switched = structuredClone(base) as RecipeJson;
  for (const field of recipeFields) {
    const value = valueAt(recipe, field.path);
    if (!field.discriminates || !applies(field, recipe)) continue;
    if (valueAt(switched, field.path) === value) continue;
    switchTo(switched, field, value);
    setAt(changed, field.path, value);
  }
  const from = completeRecipe(switched);
  for (const field of recipeFields) {
    const value = valueAt(recipe, field.path);
    if (field.discriminates || !applies(field, recipe)) continue;
    if (!same(valueAt(from, field.path), value)) setAt(changed, field.path, value);
  }
  return changed;
}

function merge(into: RecipeJson, from: RecipeJson): void {
  for (const [key, value] of Object.entries(from)) {
    const held = Object.hasOwn(into, key) ? into[key] : undefined;
    const both = [held, value].every(
      (side) => typeof side === 'object' && side !== null && !Array.isArray(side),
    );
    if (both) merge(held as RecipeJson, value as RecipeJson);
    // defineProperty: a key of a hostile link may be called __proto__.
    else {
      Object.defineProperty(into, key, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
  }
}

/** `base` with the fields of `changes`, not yet checked. */
export function patch(base: Recipe, changes: RecipeJson): RecipeJson {
  const json = structuredClone(base) as RecipeJson;
  for (const field of recipeFields) {
    const value = valueAt(changes, field.path);
    if (field.discriminates && value !== undefined) switchTo(json, field, value);
  }
  merge(json, changes);
  return json;
}
