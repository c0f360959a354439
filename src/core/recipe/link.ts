/**
 * The share link: `#/run/1/<preset>/<seed>/<payload>`. The payload is base64url of raw deflate (fflate:
 * the same bytes in every engine) of canonical JSON: what the recipe changes of the preset, the app's
 * version and numerics, and the fingerprint of a finished run. Everything is in the hash, which never
 * reaches a server; weights never go in a link.
 */
import { deflateSync, inflateSync, strFromU8, strToU8 } from 'fflate';
import * as v from 'valibot';
import { badInput } from '../errors.ts';
import { canonicalJson } from './canonical.ts';
import { difference, patch } from './change.ts';
import { parseFingerprint, type Fingerprint } from './fingerprint.ts';
import { migrate, type RecipeJson } from './migrations.ts';
import { repairRecipe } from './parse.ts';
import { isPreset, presetNames, presetRecipe, type PresetName } from './presets.ts';
import { RECIPE_VERSION, type Recipe } from './schema.ts';
import { APP_VERSION, NUMERICS_VERSION } from './version.ts';

/** Characters of the hash, and bytes of JSON it may inflate to. */
const MAX_LINK = 64 * 1024;
const MAX_JSON = 256 * 1024;

/** A fingerprint in a link tells this many updates apart (16 characters each), its head all of them. */
const MAX_LINK_UPDATES = 40; // the head covers the rest, and links stay short enough to paste

const EXAMPLE = `a link with #/run/${RECIPE_VERSION}/<preset>/<seed>/<payload>`;

const bodySchema = v.looseObject({
  app: v.optional(v.pipe(v.string(), v.maxLength(64)), 'unknown'),
  numerics: v.optional(v.pipe(v.number(), v.integer()), NUMERICS_VERSION),
  preset: v.optional(v.string()),
  seed: v.optional(v.number()),
  set: v.optional(v.record(v.string(), v.unknown()), {}),
  fingerprint: v.optional(v.unknown()),
});

function toBase64Url(bytes: Uint8Array): string {
  const base64 = btoa(strFromU8(bytes, true));
  return base64.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

const fromBase64Url = (text: string): Uint8Array =>
  strToU8(atob(text.replace(/-/g, '+').replace(/_/g, '/')), true);

/** The preset the recipe differs least from: a function of the recipe, so that links are too. */
export function closestPreset(recipe: Recipe): { preset: PresetName; set: RecipeJson } {
  const candidates = presetNames.map((preset) => {
    const set = difference({ ...presetRecipe(preset), seed: recipe.seed }, recipe);
    return { preset, set, cost: canonicalJson(set).length };
  });
  return candidates.reduce((best, next) => (next.cost < best.cost ? next : best));
}

/** The hash part of a link, from `#` on. Equal recipes (and fingerprints) give equal links. */
export function encodeLink(recipe: Recipe, fingerprint?: Fingerprint): string {
  const { preset, set } = closestPreset(recipe);
  const body = {
    app: APP_VERSION,
    numerics: NUMERICS_VERSION,
    preset,
    seed: recipe.seed,
    set,
    fingerprint: fingerprint && {
      ...fingerprint,
      updates: fingerprint.updates.slice(0, MAX_LINK_UPDATES),
    },
  };
  const payload = toBase64Url(deflateSync(strToU8(canonicalJson(body)), { level: 9 }));
  return `#/run/${RECIPE_VERSION}/${preset}/${recipe.seed}/${payload}`;
}

export interface DecodedLink {
  recipe: Recipe;
  preset: PresetName;
  /** Version of StepSQL that made the link. */
  app: string;
  numerics: number;
  fingerprint: Fingerprint | undefined;
  /** What was clamped, unknown or contradictory, one line each, for people. */
  notes: string[];
}

/** fflate ignores what follows a deflate stream; without its last byte, a whole one is cut short. */
function endsEarlier(packed: Uint8Array): boolean {
  try {
    inflateSync(packed.subarray(0, -1), { out: new Uint8Array(MAX_JSON + 1) });
    return true;
  } catch {
    return false;
  }
}

function inflateJson(payload: string): unknown {
  let text: string;
  try {
    const packed = fromBase64Url(payload);
    // fflate never writes beyond a buffer it is given, so one byte more than allowed tells too much.
    const bytes = inflateSync(packed, { out: new Uint8Array(MAX_JSON + 1) });
    if (bytes.length > MAX_JSON) throw new RangeError(`more than ${MAX_JSON} bytes`);
    if (toBase64Url(packed) !== payload || endsEarlier(packed)) throw new RangeError('damaged');
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badInput('link.payload', payload, `the whole of a link as copied (${reason})`);
  }
}

function readBody(payload: string): v.InferOutput<typeof bodySchema> {
  const json = payload === '' ? {} : inflateJson(payload);
  const result = v.safeParse(bodySchema, json);
  if (result.success && !Array.isArray(json) && !Array.isArray(result.output.set)) {
    return result.output;
  }
  const issue = result.issues?.[0];
  const path = issue && v.getDotPath(issue);
  throw badInput(
    path ? `link.${path}` : 'link.payload',
    issue?.input ?? json,
    issue?.expected ?? 'an object',
  );
}

/**
 * Reads a link: a whole address or only its hash. Fields that are unknown or out of range are mended
 * and noted; anything else that is wrong throws `bad_input`. The payload wins over the readable part,
 * which is enough by itself for a preset as it is (`#/run/1/grpo/7`).
 */
export function decodeLink(link: string): DecodedLink {
  if (link.length > MAX_LINK) throw badInput('link', link, `at most ${MAX_LINK} characters`);
  const hash = link.trim().slice(link.trim().indexOf('#') + 1);
  const match = /^\/run\/(\d{1,9})\/([a-z0-9-]{1,64})\/(\d{1,10})(?:\/([\w-]*))?$/.exec(hash);
  if (!match) throw badInput('link', link, EXAMPLE);
  const [, version, readablePreset, readableSeed, payload = ''] = match;
  // Checked before the payload: a newer version may hold anything.
  migrate({}, Number(version));

  const body = readBody(payload);
  const { app, numerics, preset = readablePreset!, seed = Number(readableSeed), ...rest } = body;
  const { set, fingerprint, ...unknown } = rest;
  const notes = Object.keys(unknown).map((key) => `${key}: unknown here, left out`);
  if (preset !== readablePreset) {
    notes.push(`preset: the address says ${readablePreset}, the payload ${preset}, which counts`);
  }
  if (seed !== Number(readableSeed)) {
    notes.push(`seed: the address says ${readableSeed}, the payload ${seed}, which counts`);
  }
  if (numerics !== NUMERICS_VERSION) {
    notes.push(`numerics: made with ${numerics}, here ${NUMERICS_VERSION}: replays, may drift`);
  }
  if (!isPreset(preset)) {
    throw badInput('link.preset', preset, `one of ${presetNames.join(', ')}`);
  }
  const changes = { ...migrate(set, Number(version)), seed };
  const repaired = repairRecipe(patch(presetRecipe(preset), changes));
  return {
    recipe: repaired.recipe,
    preset,
    app,
    numerics,
    fingerprint: fingerprint === undefined ? undefined : parseFingerprint(fingerprint),
    notes: [...notes, ...repaired.notes],
  };
}
