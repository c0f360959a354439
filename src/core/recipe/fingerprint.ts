/**
 * The fingerprint of a run: what every update sampled, earned and became, as hashes, so that a replay
 * can be compared update by update and the first drift named.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js';
import * as v from 'valibot';
import { badInput } from '../errors.ts';
import { NUMERICS_VERSION } from './version.ts';

/** Where a checkpoint keeps it, among other things. */
const STATE_FILE = 'trainer_state.json';

const DIGEST = /^[0-9a-f]{24}$/;

const fingerprintSchema = v.strictObject({
  /** tfjs backend the run was made on. */
  backend: v.pipe(v.string(), v.regex(/^[\w.-]{1,32}$/)),
  numerics: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** Queries whose outcome was a recorded timeout, so far. */
  timeouts: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** Updates in the chain; `updates` may hold only the first of them. */
  count: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** SHA-256 over all updates: hₜ = sha256(hₜ₋₁ ‖ tokens ‖ rewards ‖ weights), h₀ = 32 zero bytes. */
  head: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** For each update the first 8 hex digits of the hashes of tokens, of rewards and of weights. */
  updates: v.pipe(v.array(v.pipe(v.string(), v.regex(DIGEST))), v.maxLength(1_000_000)),
});

export type Fingerprint = v.InferOutput<typeof fingerprintSchema>;

/** Reads a fingerprint from JSON; throws `bad_input`. */
export function parseFingerprint(json: unknown, field = 'fingerprint'): Fingerprint {
  const result = v.safeParse(fingerprintSchema, json);
  if (!result.success) {
    const issue = result.issues[0];
    const path = v.getDotPath(issue);
    const expected = issue.expected ?? 'a fingerprint as StepSQL writes it';
    throw badInput(path ? `${field}.${path}` : field, issue.input, expected);
  }
  const { updates, count } = result.output;
  if (updates.length > count) throw badInput(`${field}.count`, count, `at least ${updates.length}`);
  return result.output;
}

/** The fingerprint that a checkpoint's files hold, undefined where they hold none that can be read. */
export function fingerprintOf(
  files: Readonly<Record<string, Uint8Array>>,
): Fingerprint | undefined {
  const bytes = files[STATE_FILE];
  if (!bytes) return undefined;
  try {
    const state = JSON.parse(new TextDecoder().decode(bytes)) as { fingerprint?: unknown } | null;
    return parseFingerprint(state?.fingerprint);
  } catch {
    return undefined;
  }
}

/** What one update adds. Arrays are hashed as little-endian bytes, their lengths included. */
export interface UpdateTrace {
  /** Token ids of each episode, in order. */
  tokens: readonly Int32Array[];
  /** Total reward of each episode, in order; empty for methods without rewards. */
  rewards: Float32Array;
  /** The weights after the update, in a fixed order. */
  weights: readonly Float32Array[];
}

/** SHA-256 of the arrays with their lengths. The platform's own is ten times faster; plain http has none. */
async function digest(arrays: readonly (Int32Array | Float32Array)[]): Promise<Uint8Array> {
  const bytes = concatBytes(
    ...arrays.flatMap(({ buffer, byteOffset, byteLength }) => [
      new Uint8Array(new Uint32Array([byteLength]).buffer),
      new Uint8Array(buffer, byteOffset, byteLength),
    ]),
  );
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (!subtle) return sha256(bytes);
  return new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
}

/** Builds a fingerprint update by update. Its `toJSON` belongs in every checkpoint. */
export class FingerprintChain {
  readonly #backend: string;
  readonly #updates: string[];
  #head: Uint8Array;
  #timeouts: number;

  /** @param resumed the fingerprint up to the checkpoint being resumed, whole */
  constructor(backend: string, resumed?: Fingerprint) {
    if (resumed && resumed.updates.length !== resumed.count) {
      throw badInput('fingerprint.updates', resumed.updates.length, `all ${resumed.count} updates`);
    }
    this.#backend = backend;
    this.#updates = [...(resumed?.updates ?? [])];
    this.#head = resumed ? hexToBytes(resumed.head) : new Uint8Array(32);
    this.#timeouts = resumed?.timeouts ?? 0;
  }

  /** Returns the update's entry of `Fingerprint.updates`. */
  async add({ tokens, rewards, weights }: UpdateTrace): Promise<string> {
    const parts = await Promise.all([tokens, [rewards], weights].map(digest));
    this.#head = sha256(concatBytes(this.#head, ...parts));
    const entry = parts.map((part) => bytesToHex(part.subarray(0, 4))).join('');
    this.#updates.push(entry);
    return entry;
  }

  addTimeouts(count: number): void {
    this.#timeouts += count;
  }

  toJSON(): Fingerprint {
    return {
      backend: this.#backend,
      numerics: NUMERICS_VERSION,
      timeouts: this.#timeouts,
      count: this.#updates.length,
      head: bytesToHex(this.#head),
      updates: [...this.#updates],
    };
  }
}

/** What an update's digest is made of, causes before effects. */
const DIGEST_PARTS = ['tokens', 'rewards', 'weights'] as const;

export type DigestPart = (typeof DIGEST_PARTS)[number];

/** Compares two entries of `Fingerprint.updates`: the first part that differs, undefined when none does. */
export function digestDrift(digest: string, expected: string): DigestPart | undefined {
  const part = (entry: string, p: number): string => entry.slice(8 * p, 8 * p + 8);
  return DIGEST_PARTS.find((_, p) => part(digest, p) !== part(expected, p));
}

export interface Drift {
  /** Counted from 1. */
  update: number;
  /** What differs first; `chain` when only the full hashes tell. */
  part: DigestPart | 'chain';
}

export interface FingerprintComparison {
  /** Equal in everything, over equally many updates. */
  identical: boolean;
  /** Updates that both have, compared one by one. */
  compared: number;
  drift: Drift | undefined;
  /** Why a drift need not be a fault: other backend or numerics, other timeouts. */
  notes: string[];
}

/**
 * Compares update by update. Within an update tokens come before rewards and weights: the cause comes
 * first. A run still going is compared as far as it is.
 */
export function compareFingerprints(a: Fingerprint, b: Fingerprint): FingerprintComparison {
  const notes: string[] = [];
  if (a.backend !== b.backend) notes.push(`backend ${a.backend} against ${b.backend}`);
  if (a.numerics !== b.numerics) notes.push(`numerics ${a.numerics} against ${b.numerics}`);
  if (a.count === b.count && a.timeouts !== b.timeouts) {
    notes.push(`${a.timeouts} recorded timeouts against ${b.timeouts}`);
  }
  const compared = Math.min(a.updates.length, b.updates.length);
  let drift: Drift | undefined;
  for (let i = 0; i < compared && !drift; i++) {
    const part = digestDrift(a.updates[i]!, b.updates[i]!);
    if (part) drift = { update: i + 1, part };
  }
  if (!drift && a.count === b.count && a.head !== b.head) {
    drift = { update: a.count, part: 'chain' };
  }
  return { identical: !drift && a.count === b.count, compared, drift, notes };
}
