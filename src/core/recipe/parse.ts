/** Reading recipes: strictly from files and flags, with repairs from links. */
import * as v from 'valibot';
import { badInput, StepSqlError } from '../errors.ts';
import { applies, expectation, fieldAt, recipeFields } from './fields.ts';
import { migrateRecipe } from './migrations.ts';
import { checkRules } from './rules.ts';
import { recipeSchema, type Recipe } from './schema.ts';

type Issue = v.InferIssue<typeof recipeSchema>;

const isUnknownKey = (issue: Issue) => issue.type === 'strict_object' && issue.expected === 'never';

/** Number of single-character edits between two words. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The closest of `candidates`, if any is close enough to be what was meant. */
function closest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  if (word.length > 64) return undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Refuses a field that does not exist: says where it does, or what was probably meant. */
export function unknownField(path: string, value: unknown, json: unknown): StepSqlError {
  const under = recipeFields.filter((f) => f.path === path || f.path.startsWith(`${path}.`));
  const part = under.find((field) => applies(field, json));
  if (part) return badInput(path, value, `one of its fields, such as ${part.path}`);
  const elsewhere = under[0];
  if (elsewhere) {
    const when = Object.entries(elsewhere.when).map(([at, values]) => `${at}=${values.join('|')}`);
    return badInput(path, value, `no such field here: it goes with ${when.join(' and ')}`);
  }
  const parent = path.slice(0, path.lastIndexOf('.') + 1);
  const word = path.slice(parent.length);
  const here = recipeFields.filter((field) => applies(field, json));
  const siblings = here
    .filter((field) => field.path.startsWith(parent))
    .map((field) => field.path.slice(parent.length).split('.')[0]!);
  const near = closest(word, new Set(siblings));
  // Flags are often given by their last name only: `beta` for `grpo.beta`.
  const deeper = here.find((field) => field.path.endsWith(`.${word}`))?.path;
  const meant = deeper ?? (near && parent + near);
  return badInput(path, value, `a known field${meant ? ` (did you mean ${meant}?)` : ''}`);
}

const valueOf = (issue: Issue): unknown => issue.path?.at(-1)?.value ?? issue.input;

function errorOf(issue: Issue, json: unknown): StepSqlError {
  const path = v.getDotPath(issue) ?? 'recipe';
  const value = valueOf(issue);
  if (isUnknownKey(issue)) return unknownField(path, value, json);
  // Messages written in the schema are expectations; valibot's own start with "Invalid".
  if (!issue.message.startsWith('Invalid')) return badInput(path, value, issue.message);
  if (issue.expected === 'Object') return badInput(path, value, 'an object');
  const field = fieldAt(path, json);
  return badInput(path, value, field ? expectation(field) : (issue.expected ?? issue.type));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** valibot takes an array for an object: a list where a section belongs is refused here. */
function checkSections(input: unknown, output: unknown, path: string): void {
  if (!isObject(output)) return;
  if (!isObject(input)) throw badInput(path || 'recipe', input, 'an object');
  for (const [key, value] of Object.entries(output)) {
    if (input[key] !== undefined) checkSections(input[key], value, path ? `${path}.${key}` : key);
  }
}

/**
 * A recipe from JSON, defaults filled in. Older versions are brought up to date first. Throws
 * `bad_input` naming the field, its value and what was expected.
 */
export function parseRecipe(json: unknown): Recipe {
  const recipe = completeRecipe(json);
  checkRules(recipe);
  return recipe;
}

/** As `parseRecipe`, field by field only: a recipe on the way to another may break rules of the whole. */
export function completeRecipe(json: unknown): Recipe {
  const current = migrateRecipe(json);
  const result = v.safeParse(recipeSchema, current);
  if (!result.success) throw errorOf(result.issues[0], current);
  checkSections(current, result.output, '');
  return result.output;
}

/** As `parseRecipe`, from the text of a recipe.json. */
export function parseRecipeText(text: string): Recipe {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw badInput('recipe', text, `JSON (${(error as Error).message})`);
  }
  return parseRecipe(json);
}

const holderOf = (root: Record<string, unknown>, issue: Issue) => {
  let holder = root;
  for (const { key } of issue.path!.slice(0, -1)) {
    holder = holder[key as string] as Record<string, unknown>;
  }
  return { holder, key: issue.path!.at(-1)!.key as string };
};

/**
 * As `parseRecipe`, but drops unknown fields and clamps numbers that are out of range, saying so in
 * `notes`: for links, which may come from another version of the app.
 */
export function repairRecipe(json: unknown): { recipe: Recipe; notes: string[] } {
  const repaired = structuredClone(migrateRecipe(json));
  const notes: string[] = [];
  // Every round mends at least one field or gives up.
  for (;;) {
    const result = v.safeParse(recipeSchema, repaired);
    if (result.success) {
      checkSections(repaired, result.output, '');
      checkRules(result.output);
      return { recipe: result.output, notes };
    }
    const issue = result.issues[0];
    const path = v.getDotPath(issue);
    const field = path === null ? undefined : fieldAt(path, repaired);
    if (path !== null && isUnknownKey(issue)) {
      const { holder, key } = holderOf(repaired, issue);
      // Reflect: a key may be called __proto__.
      Reflect.deleteProperty(holder, key);
      notes.push(`${path}: unknown here, left out`);
    } else if (field && (issue.type === 'min_value' || issue.type === 'max_value')) {
      const { holder, key } = holderOf(repaired, issue);
      const bound = issue.type === 'min_value' ? field.min! : field.max!;
      notes.push(`${path}: ${String(holder[key])} clamped to ${bound}`);
      holder[key] = bound;
    } else {
      throw errorOf(issue, repaired);
    }
  }
}
