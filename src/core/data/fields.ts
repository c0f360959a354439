/** Checks on single fields of imported records: each refuses with the place, value and expectation. */
import { badInput } from '../errors.ts';
import type { Located } from './source.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function asRecord({ value, at }: Located): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badInput(at, value, 'an object');
  }
  return value as Fields;
}

/** The value of an own field: what a file says, never what objects inherit. */
export function field(record: Fields, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

export function asText(value: unknown, at: string): string {
  if (typeof value !== 'string' || value.trim() === '') {
    throw badInput(at, value, 'a non-empty string');
  }
  return value;
}

export function asOptionalText(value: unknown, at: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw badInput(at, value, 'a string or nothing');
  return value.trim() === '' ? undefined : value;
}

export function asList(value: unknown, at: string, of: string): unknown[] {
  if (!Array.isArray(value)) throw badInput(at, value, `a list of ${of}`);
  return value;
}

export function asIndex(value: unknown, at: string, low: number, high: number): number {
  if (!Number.isInteger(value) || (value as number) < low || (value as number) > high) {
    throw badInput(at, value, `an integer from ${low} to ${high}`);
  }
  return value as number;
}
