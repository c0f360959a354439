/**
 * Editing a recipe in a form: what is typed is text, and only what core accepts becomes the recipe.
 * Text that is not (yet) valid waits as a draft beside the recipe.
 */
import { StepSqlError } from '../../core/errors.ts';
import { canonicalJson } from '../../core/recipe/canonical.ts';
import { applySet } from '../../core/recipe/change.ts';
import { fieldAt, type FieldValue } from '../../core/recipe/fields.ts';
import { protocolNames, worldOf } from '../../core/episode/index.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import { startingPolicies, warmStartOf } from './settings.ts';

/** What was typed at a field and why it does not count. */
export interface Draft {
  text: string;
  error: string;
}

/** By path. */
export type Drafts = Readonly<Record<string, Draft>>;

/** Stands for what a number input holds but cannot give: its `value` is '' then. */
export const UNREADABLE = 'NaN';

/** The text of a form control for a value. */
export const formText = (value: FieldValue | undefined): string =>
  value === null || value === undefined ? '' : String(value);

/**
 * `after`, without its data's content hash where the data is no longer what `before` trained on: a run
 * refuses data that has not the hash it names.
 */
export function unpinned(before: Recipe, after: Recipe): Recipe {
  const dials = ({ data }: Recipe) => canonicalJson({ ...data, sha256: null });
  if (after.data.sha256 === null || dials(before) === dials(after)) return after;
  return { ...after, data: { ...after.data, sha256: null } };
}

function assignment(recipe: Recipe, path: string, text: string): string {
  const empty = text.trim() === '' && fieldAt(path, recipe)?.nullable;
  return `${path}=${empty ? 'null' : text}`;
}

/** `recipe` with these texts, or why not. */
function attempt(recipe: Recipe, texts: readonly (readonly [string, string])[]) {
  try {
    const set = texts.map(([path, text]) => assignment(recipe, path, text));
    return { recipe: unpinned(recipe, applySet(recipe, ...set)) };
  } catch (error) {
    if (error instanceof StepSqlError) return { error };
    throw error;
  }
}

/** An error of core as the field at `path` shows it: what is expected there, or of which other field. */
export function wording({ field = '', message }: StepSqlError, path: string): string {
  const mark = ', expected ';
  const at = message.lastIndexOf(mark);
  if (at < 0) return message;
  const expected = message.slice(at + mark.length);
  const own = field === path || path.startsWith(`${field}.`);
  return own ? `Expected ${expected}.` : `${field}: expected ${expected}.`;
}

/**
 * A warm start knows one protocol, and the protocol is for questions of one world: where these are what a
 * preset would have, they go along with the protocol.
 */
function companions(recipe: Recipe, path: string, text: string): (readonly [string, string])[] {
  const { data, policy, protocol } = recipe;
  const next = protocolNames.find((name) => name === text);
  if (path !== 'protocol' || next === undefined || next === protocol) return [];
  const warm = startingPolicies(protocol).some(([name]) => name === policy.checkpoint);
  const own = data.kind === 'nursery' && data.world === worldOf(protocol);
  return [
    ...(warm && policy.checkpoint !== 'scratch'
      ? [['policy.checkpoint', warmStartOf(next)] as const]
      : []),
    ...(own ? [['data.world', worldOf(next)] as const] : []),
  ];
}

/**
 * The recipe after `text` was typed at `path`. Drafts are tried again with it, together first: fields
 * that only fit together can be typed one after the other. What core refuses stays a draft, and drafts
 * of fields that no longer apply are dropped.
 */
export function edit(
  recipe: Recipe,
  drafts: Drafts,
  path: string,
  text: string,
): { recipe: Recipe; drafts: Drafts } {
  const waiting = Object.entries(drafts).filter(([other]) => other !== path);
  const texts = [
    [path, text] as const,
    ...companions(recipe, path, text),
    ...waiting.map(([at, draft]) => [at, draft.text] as const),
  ];
  const together = attempt(recipe, texts);
  if (together.recipe) return { recipe: together.recipe, drafts: {} };

  let current = recipe;
  const left: Record<string, Draft> = {};
  for (const [at, typed] of texts) {
    if (!fieldAt(at, current)) continue;
    const one = attempt(current, [[at, typed]]);
    if (one.recipe) current = one.recipe;
    else left[at] = { text: typed, error: wording(one.error, at) };
  }
  return { recipe: current, drafts: left };
}
