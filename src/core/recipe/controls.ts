/**
 * Small builders for documented recipe fields. Each gives a plain valibot schema with a default, a
 * description and bounds; `fields.ts` reads those back for flags and form controls.
 */
import * as v from 'valibot';

interface Bounds {
  min: number;
  max: number;
  /** Increment of a form control. */
  step?: number;
}

const bounded = ({ min, max, step }: Bounds, description: string) =>
  v.pipe(
    v.number(),
    v.minValue(min),
    v.maxValue(max),
    v.description(description),
    v.metadata(step === undefined ? {} : { step }),
  );

export const number = (initial: number, bounds: Bounds, description: string) =>
  v.optional(bounded(bounds, description), initial);

/** null where the field's standard library has None: switched off, or derived from another field. */
export const numberOrNull = (initial: number | null, bounds: Bounds, description: string) =>
  v.optional(v.nullable(bounded(bounds, description)), initial);

export const integer = (initial: number, { min, max, step }: Bounds, description: string) =>
  v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(min),
      v.maxValue(max),
      v.description(description),
      v.metadata({ step: step ?? 1 }),
    ),
    initial,
  );

/** An integer that is a multiple of `of`: sizes that the kernels can work on. */
export const multiple = (
  initial: number,
  { of, min, max }: Bounds & { of: number },
  description: string,
) =>
  v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(min),
      v.maxValue(max),
      v.multipleOf(of, `a multiple of ${of}`),
      v.description(description),
      v.metadata({ step: of }),
    ),
    initial,
  );

export const flag = (initial: boolean, description: string) =>
  v.optional(v.pipe(v.boolean(), v.description(description)), initial);

export function choice<const T extends readonly string[]>(
  choices: T,
  initial: NoInfer<T[number]>,
  description: string,
) {
  return v.optional(v.pipe(v.picklist(choices), v.description(description)), initial as never);
}

/** Text that matches `pattern`; `expected` says in words what the pattern allows. */
export const text = (initial: string, pattern: RegExp, expected: string, description: string) =>
  v.optional(v.pipe(v.string(), v.regex(pattern, expected), v.description(description)), initial);

const HASH = /^[0-9a-f]{64}$/;

export const hashOrNull = (description: string) =>
  v.optional(
    v.nullable(
      v.pipe(
        v.string(),
        v.regex(HASH, 'a SHA-256 in 64 lower-case hex digits'),
        v.description(description),
      ),
    ),
    null,
  );
