import * as v from 'valibot';
import { badInput } from './errors.ts';

/**
 * Options of a registered method as a valibot object schema: types, defaults and descriptions in one
 * place, from which recipes, command-line flags and form controls are made.
 */
export type OptionsSchema = v.GenericSchema<unknown, Record<string, unknown>>;

/** Fills defaults in and refuses anything the schema does not allow, naming `field.key`. */
export function parseOptions<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  field: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue);
  const where = path ? `${field}.${path}` : field;
  const got = issue.path ? issue.path.at(-1)?.value : issue.input;
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const entries: object = 'entries' in schema ? (schema.entries as object) : {};
    const known = Object.keys(entries).join(', ');
    throw badInput(where, got, known ? `one of the options ${known}` : 'no option here');
  }
  // Messages written in a schema are expectations; valibot's own start with "Invalid".
  const own = issue.message.startsWith('Invalid');
  throw badInput(where, got, own ? (issue.expected ?? issue.type) : issue.message);
}

/** Looks a method up by name or alias; the error lists what there is. */
export function findMethod<T extends { readonly aliases: readonly string[] }>(
  registry: Readonly<Record<string, T>>,
  name: string,
  field: string,
): T {
  const entry = Object.hasOwn(registry, name)
    ? registry[name]
    : Object.values(registry).find(({ aliases }) => aliases.includes(name));
  if (entry) return entry;
  throw badInput(field, name, `one of ${Object.keys(registry).join(', ')}`);
}

/** What is no JSON is text, for the schema to judge. */
function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** An own property, whatever its name is. */
const define = (holder: object, key: string, value: unknown): unknown =>
  Object.defineProperty(holder, key, {
    ...{ value, enumerable: true, writable: true, configurable: true },
  });

/** Options from assignments such as `partial=50` or `thoughts.scope=all`. */
export function readAssignments(assignments: readonly string[]): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const assignment of assignments) {
    const equals = assignment.indexOf('=');
    if (equals < 1) throw badInput('--set', assignment, 'key=value, for example partial=50');
    const keys = assignment.slice(0, equals).trim().split('.');
    let holder: object = options;
    for (const key of keys.slice(0, -1)) {
      const inner: unknown = Object.getOwnPropertyDescriptor(holder, key)?.value;
      if (typeof inner !== 'object' || inner === null) define(holder, key, {});
      holder = (holder as Record<string, object>)[key]!;
    }
    define(holder, keys.at(-1)!, readValue(assignment.slice(equals + 1).trim()));
  }
  return options;
}
