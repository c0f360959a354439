import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { badInput } from '../errors.ts';
import type { Recipe } from './schema.ts';

const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * JSON with one spelling (RFC 8785): keys in UTF-16 order, no spaces, numbers and strings as
 * ECMAScript writes them. `undefined` members are left out; what JSON cannot say throws `bad_input`.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value as Record<string, unknown>)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${canonicalJson(key)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  const sayable =
    value === null ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value)) ||
    (typeof value === 'string' && !LONE_SURROGATE.test(value));
  if (!sayable) throw badInput('json', value, 'a value that JSON can express');
  return JSON.stringify(value);
}

/** SHA-256 of a text in UTF-8 or of bytes, as lower-case hex. */
export const sha256Hex = (data: string | Uint8Array): string =>
  bytesToHex(sha256(typeof data === 'string' ? utf8ToBytes(data) : data));

/** The identity of a run: SHA-256 of its recipe's canonical JSON. */
export const recipeHash = (recipe: Recipe): string => sha256Hex(canonicalJson(recipe));
