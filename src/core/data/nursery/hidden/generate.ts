/**
 * Tasks that cannot be solved from the prompt alone: each redraws, for itself, the real names of some columns
 * and the stored spellings of some values, in a database of its own.
 */
import { Stream } from '../../../random/stream.ts';
import { createDatabase } from '../../../sql/create.ts';
import { sqlLiteral } from '../../../text/identifier.ts';
import type { SqlJsStatic } from 'sql.js';
import type { Database, Dataset, Task } from '../../task.ts';
import type { Draft } from '../draft.ts';
import { ddl } from '../engine.ts';
import {
  checkCount,
  generate,
  SPLIT_SIZES,
  type Generated,
  type GenerateOptions,
} from '../generate.ts';
import { renderSql, type Query } from '../query.ts';
import { baseRows, generateRows, ROW_VARIANTS } from '../rows.ts';
import type { Variant } from '../schemas.ts';
import {
  disguisedAnswer,
  disguisedQuery,
  disguisedRows,
  disguisedSchema,
  disguisedVariant,
  hide,
  type Hiding,
} from './hide.ts';
import { choices, dealCalls, usesOf } from './needs.ts';
import { draftHidden, hiddenSchemas } from './skills.ts';

/** What the calls a query needs would tell: `price_zu, 'ba' France`. */
export function factsOf(hiding: Hiding, query: Query): string {
  const uses = usesOf(query, hiding.variant);
  const named = uses.flatMap(({ column }) => {
    const name = hiding.names.get(column);
    return name === undefined ? [] : [name];
  });
  const spelt = hiding.needs.flatMap(({ column, value }) =>
    value === undefined
      ? []
      : [`${sqlLiteral(hiding.spellings.get(column)!.get(value)!)} ${value}`],
  );
  return [...named, ...spelt].join(', ');
}

/** A database of one task; files are made when asked for. */
function toDatabase(db_id: string, hiding: Hiding, sql: SqlJsStatic): Database {
  const { variant } = hiding;
  const bytes = (which: number): Promise<Uint8Array> => {
    const plain = which === 0 ? baseRows(variant) : generateRows(variant, which);
    const rows = disguisedRows(hiding, plain);
    const tables = variant.tables.map(({ name, index }) => ({ table: name, rows: rows[index]! }));
    return Promise.resolve(createDatabase(sql, ddl(disguisedVariant(hiding)), tables));
  };
  return {
    db_id,
    schema: disguisedSchema(hiding),
    bytes: () => bytes(0),
    variants: Array.from({ length: ROW_VARIANTS - 1 }, (_, i) => () => bytes(i + 1)),
  };
}

export interface HiddenTask extends Omit<Generated, 'task'> {
  task: Task;
  hiding: Hiding;
}

/** As `generateHiddenTasks`, with the disguise of each task. Options are those of the plain Nursery. */
export function generateHidden(options: GenerateOptions): HiddenTask[] {
  const { seed, split } = options;
  const count = options.count ?? SPLIT_SIZES[split];
  checkCount('count', count);
  const calls = dealCalls(new Stream(seed, `hidden calls ${split}`), count);
  const wanted = new Map<Query, number>();
  const drafting = (variant: Variant, stream: Stream, made: number): Draft | undefined => {
    const drafted = draftHidden(variant, stream, calls[made]!);
    if (drafted) wanted.set(drafted.query, calls[made]!);
    return drafted;
  };
  const generated = generate({ ...options, count, drafting, adapt: hiddenSchemas });
  return generated.map(({ task, query, variant }, i) => {
    const stream = new Stream(seed, `hidden task ${split}`, i);
    const needs = stream.pick(choices(query, variant, wanted.get(query)!));
    const hiding = hide(query, variant, baseRows(variant), needs, stream);
    const made: Task = {
      ...task,
      id: `hidden-${split}-${seed}-${i}`,
      db_id: `hidden_${split}_${seed}_${i}`,
      gold: [renderSql(disguisedQuery(hiding, query))],
      answer: disguisedAnswer(hiding, query, task.answer!),
      needs: hiding.needs.map(({ key }) => key),
      facts: factsOf(hiding, query),
    };
    return { task: made, query, variant, hiding };
  });
}

/** Tasks of one split, each with a database of its own; equal options give equal tasks and bytes. */
export function generateHiddenTasks(options: GenerateOptions): Dataset {
  const generated = generateHidden(options);
  const databases = new Map(
    generated.map(({ task, hiding }) => [task.db_id, toDatabase(task.db_id, hiding, options.sql)]),
  );
  return {
    name: `hidden-${options.split}`,
    tasks: generated.map(({ task }) => task),
    databases,
  };
}
