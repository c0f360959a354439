/**
 * The recipe schema read back as a flat list of fields: what `--set` accepts and what the page makes
 * form controls from.
 */
import type * as v from 'valibot';
import { recipeSchema } from './schema.ts';

/** Values a field can have. */
export type FieldValue = string | number | boolean | null;

export interface Field {
  /** Dotted, for example `grpo.beta`. */
  path: string;
  description: string;
  kind: 'number' | 'integer' | 'choice' | 'flag' | 'text';
  /** Undefined where a value must be given (`method`). */
  default: FieldValue | undefined;
  /** null is allowed and means "none" or "derived". */
  nullable: boolean;
  min?: number;
  max?: number;
  step?: number;
  choices?: readonly string[];
  /** What a text must look like, in words. */
  pattern?: string;
  /** The field exists only where the field at each path has one of these values. */
  when: Readonly<Record<string, readonly string[]>>;
  /** Setting this field changes which others exist. */
  discriminates: boolean;
}

interface Action {
  type: string;
  requirement?: unknown;
  message?: unknown;
  description?: string;
  metadata?: { step?: number };
}

interface Node {
  type: string;
  default?: unknown;
  wrapped?: Node;
  key?: string;
  literal?: string;
  options?: readonly Node[] | readonly string[];
  entries?: Record<string, Node>;
  pipe?: readonly (Node | Action)[];
}

type Conditions = Record<string, readonly string[]>;

const actionsOf = (node: Node): Action[] => (node.pipe ?? []) as Action[];

/** Limits and texts of a schema's pipe. */
function limits(actions: readonly Action[]): Partial<Field> {
  const found: Partial<Field> = {};
  for (const { type, requirement, message, description, metadata } of actions) {
    if (type === 'min_value') found.min = requirement as number;
    else if (type === 'max_value') found.max = requirement as number;
    else if (type === 'regex') found.pattern = message as string;
    else if (type === 'description') found.description = description!;
    else if (type === 'metadata' && metadata?.step !== undefined) found.step = metadata.step;
  }
  return found;
}

function leaf(node: Node, path: string, initial: unknown, nullable: boolean, when: Conditions) {
  const actions = actionsOf(node);
  const base: Field = {
    path,
    description: '',
    kind: 'text',
    default: initial as FieldValue | undefined,
    nullable,
    when,
    discriminates: false,
    ...limits(actions),
  };
  switch (node.type) {
    case 'number':
      return { ...base, kind: actions.some((a) => a.type === 'integer') ? 'integer' : 'number' };
    case 'boolean':
      return { ...base, kind: 'flag' };
    case 'picklist':
      return { ...base, kind: 'choice', choices: node.options as readonly string[] };
    default:
      return base;
  }
}

/** Collects fields; the same schema met in several variants becomes one field with wider `when`. */
class Collector {
  readonly #fields = new Map<Node, Field[]>();
  readonly list: Field[] = [];

  add(source: Node, field: Field): void {
    const known = this.#fields.get(source)?.find(({ path }) => path === field.path);
    if (!known) {
      this.#fields.set(source, [...(this.#fields.get(source) ?? []), field]);
      this.list.push(field);
      return;
    }
    const when: Conditions = {};
    for (const [path, values] of Object.entries(known.when)) {
      when[path] = [...new Set([...values, ...(field.when[path] ?? [])])];
    }
    known.when = when;
  }

  walk(source: Node, path: string, when: Conditions, inherited?: unknown): void {
    let node = source;
    let initial = inherited;
    let nullable = false;
    while (node.type === 'optional' || node.type === 'nullable') {
      if (node.type === 'nullable') nullable = true;
      else initial ??= node.default;
      node = node.wrapped!;
    }
    const inside = (key: string) => (path ? `${path}.${key}` : key);
    if (node.type === 'variant') {
      const key = node.key!;
      const options = node.options as readonly Node[];
      this.add(node, {
        path: inside(key),
        description: limits(actionsOf(node)).description ?? '',
        kind: 'choice',
        default: (initial as Record<string, string> | undefined)?.[key],
        nullable: false,
        choices: options.map((option) => option.entries![key]!.literal!),
        when,
        discriminates: true,
      });
      for (const option of options) {
        const literal = option.entries![key]!.literal!;
        this.#entries(option, inside, { ...when, [inside(key)]: [literal] }, key);
      }
    } else if (node.entries) {
      this.#entries(node, inside, when);
    } else if (node.type !== 'literal') {
      this.add(source, leaf(node, path, initial, nullable, when) as Field);
    }
  }

  #entries(node: Node, inside: (key: string) => string, when: Conditions, except?: string): void {
    for (const [key, entry] of Object.entries(node.entries!)) {
      if (key !== except) this.walk(entry, inside(key), when);
    }
  }
}

function collect(schema: v.GenericSchema): readonly Field[] {
  const collector = new Collector();
  collector.walk(schema as unknown as Node, '', {});
  for (const field of collector.list) {
    // A condition met by every choice of its discriminator is none.
    field.when = Object.fromEntries(
      Object.entries(field.when).filter(([path, values]) => {
        const chooser = collector.list.find((other) => other.path === path);
        return chooser?.choices?.length !== values.length;
      }),
    );
  }
  return collector.list;
}

/** Every field of every method, in the order of the schema. */
export const recipeFields = collect(recipeSchema);

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value at a dotted path, undefined where there is none. */
export function valueAt(json: unknown, path: string): unknown {
  let value = json;
  for (const key of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

/** Whether `field` exists in a recipe with these values; absent discriminators have their defaults. */
export function applies(field: Field, json: unknown): boolean {
  return Object.entries(field.when).every(([path, values]) => {
    const value = valueAt(json, path) ?? recipeFields.find((f) => f.path === path)?.default;
    return values.includes(value as string);
  });
}

/** The field at `path` in a recipe with these values. */
export function fieldAt(path: string, json: unknown): Field | undefined {
  return recipeFields.find((field) => field.path === path && applies(field, json));
}

/** In words, what the field takes. */
export function expectation(field: Field): string {
  const { min = -Infinity, max = Infinity } = field;
  const range =
    min > -Infinity && max < Infinity
      ? ` from ${min} to ${max}`
      : min > -Infinity
        ? ` of at least ${min}`
        : max < Infinity
          ? ` of at most ${max}`
          : '';
  const words = {
    number: `a number${range}`,
    integer: `an integer${range}`,
    choice: `one of ${field.choices?.join(', ') ?? ''}`,
    flag: 'true or false',
    text: field.pattern ?? 'a text',
  }[field.kind];
  return field.nullable ? `${words}, or null` : words;
}
