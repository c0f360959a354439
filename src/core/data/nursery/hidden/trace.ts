/** One way to solve a task with tools: which calls are made, which of them in vain, and the SQL that answers. */
import type { Stream } from '../../../random/stream.ts';
import { isPlural, plural, spaced } from '../words.ts';
import { nearMiss } from '../near-miss.ts';
import { renderSql } from '../query.ts';
import type { Draft } from '../draft.ts';
import type { NurseryColumn, NurseryTable } from '../schemas.ts';
import type { ToolHabit, Waste } from './habits.ts';
import { WASTES } from './habits.ts';
import { disguisedQuery, type Hiding, type NeededCall } from './hide.ts';
import { usesOf } from './needs.ts';

/** A call as it is written, with the thought before it. */
export interface PlannedCall {
  thought: string;
  text: string;
  waste?: Waste;
}

export interface Plan {
  calls: PlannedCall[];
  sql: string;
}

/** Calls an episode has room for beside the answer. */
const MOST_CALLS = 4;

/** The word a question uses for a thing, or the thing's own name where it uses none. */
function spoken(thing: NurseryColumn | NurseryTable, question: string): string {
  const text = ` ${question.toLowerCase()} `;
  const words = thing.words.flatMap((word) =>
    isPlural(word) ? [spaced(word)] : [spaced(word), spaced(plural(word))],
  );
  const found = words.filter((word) => new RegExp(`[^a-z]${word}[^a-z]`).test(text));
  return found.sort((a, b) => b.length - a.length)[0] ?? spaced(thing.name);
}

const thoughtOf = ({ column, value }: NeededCall, question: string): string =>
  value ?? spoken(column, question);

const callOf = (need: NeededCall, question: string): PlannedCall => ({
  thought: thoughtOf(need, question),
  text: `${need.tool} ${need.args}`,
});

/** The disguise as someone knows it who made only these calls. */
function knownFrom(hiding: Hiding, made: readonly NeededCall[]): Hiding {
  const described = made
    .filter(({ tool }) => tool === 'describe')
    .map(({ column }) => column.table);
  const names = new Map([...hiding.names].filter(([{ table }]) => described.includes(table)));
  const spellings = new Map(
    [...hiding.spellings].map(([column, spelt]) => {
      const values = made.flatMap((need) =>
        need.column === column && need.value !== undefined ? [need.value] : [],
      );
      return [column, new Map(values.map((value) => [value, spelt.get(value)!]))] as const;
    }),
  );
  return { ...hiding, names, spellings };
}

/** Calls that run and tell nothing the question asks for. */
function uselessCalls({ question, query }: Draft, hiding: Hiding): PlannedCall[] {
  const { variant, needs, names, spellings } = hiding;
  const describes = variant.tables
    .map((table) => table.name)
    .filter((name) => !needs.some(({ key }) => key === `describe ${name}`))
    .map((name) => ({ thought: 'check', text: `describe ${name}` }));
  const lookups = usesOf(query, variant)
    .filter(({ column }) => !names.has(column) && !spellings.has(column))
    .flatMap(({ column, values }) =>
      [...values].map((value) => ({
        thought: value,
        text: `lookup ${column.table.name} ${column.name} ${value}`,
      })),
    )
    .filter(({ text }) => question.includes(text.split(' ').at(-1)!));
  return [...describes, ...describes, ...lookups, { thought: 'check', text: 'list' }];
}

/** Calls that fail, as someone errs who does not know the names: by the question's own words. */
function failingCalls({ question, query }: Draft, hiding: Hiding): PlannedCall[] {
  const { variant, needs, names } = hiding;
  const used = usesOf(query, variant).map(({ column }) => column);
  const tables = [...new Set(used.map(({ table }) => table))];
  const misnamed = tables.flatMap((table) => {
    const word = spoken(table, question);
    return variant.tables.some(({ name }) => spaced(name) === word)
      ? []
      : [{ thought: word, text: `describe ${word}` }];
  });
  const unknown = used
    .filter((column) => names.has(column))
    .map((column) => ({ column, word: spoken(column, question) }))
    .map(({ column, word }) => ({ thought: word, column, name: word.replaceAll(' ', '_') }))
    .filter(
      ({ column, name }) => !column.table.columns.some((c) => c.name === name && !names.has(c)),
    )
    .map(({ thought, column, name }) => ({
      thought,
      text: `query SELECT ${name} FROM ${column.table.name}`,
    }));
  const unplaced = needs
    .filter(({ tool }) => tool === 'lookup')
    .map(({ column, value }) => ({
      thought: value!,
      text: `lookup ${column.table.name} ${value!}`,
    }))
    .filter(({ text }) => text.split(' ').length === 3);
  const found = [...misnamed, ...unknown, ...unplaced];
  return found.length > 0 ? found : [{ thought: 'check', text: 'describe' }];
}

/**
 * Adds a wasted call. One of the skill's own kind comes always at the same point and is the same sort of call, so
 * that it is what a greedy policy does too: a repeat after the first call, a failing call before all others, a
 * useless one before the answer. Others come anywhere.
 *
 * @param variety of the habit; undefined for waste that is none
 */
function insertWaste(
  calls: PlannedCall[],
  waste: Waste,
  drafted: Draft,
  hiding: Hiding,
  stream: Stream,
  variety: number | undefined,
): void {
  if (waste === 'repeat') {
    if (calls.length === 0) return;
    const at = variety === undefined ? stream.int(calls.length) : 0;
    calls.splice(at + 1, 0, { ...calls[at]!, waste });
    return;
  }
  const options =
    waste === 'failing' ? failingCalls(drafted, hiding) : uselessCalls(drafted, hiding);
  const fresh = options.filter(({ text }) => !calls.some((call) => call.text === text));
  if (fresh.length === 0) return;
  if (variety === undefined) {
    calls.splice(stream.int(calls.length + 1), 0, { ...stream.pick(fresh), waste });
  } else {
    const at = waste === 'failing' ? 0 : calls.length;
    calls.splice(at, 0, { ...fresh[variety % fresh.length]!, waste });
  }
}

/** Needed calls only, and gold. */
export const idealPlan = (drafted: Draft, hiding: Hiding): Plan => ({
  calls: hiding.needs.map((need) => callOf(need, drafted.question)),
  sql: renderSql(disguisedQuery(hiding, drafted.query)),
});

export interface HabitualPlan {
  drafted: Draft;
  hiding: Hiding;
  habit: ToolHabit;
  /** Chance of each kind of waste that is not the habit's own. */
  otherWaste: number;
  /** Chance of an error where nothing has to be found out. */
  careless: number;
  /** Nothing is left out: the facts are known without calls. */
  oracle: boolean;
  stream: Stream;
  /** The same for every example of a template: an error is a habit, not noise. */
  miss: Stream;
}

/** A plan with the habits of the skill. */
export function habitualPlan(options: HabitualPlan): Plan {
  const { drafted, hiding, habit, otherWaste, careless, oracle, stream, miss } = options;
  const { question, query } = drafted;
  const { needs, variant } = hiding;
  // Who is impatient leaves out the last of the calls.
  const skips = !oracle && stream.chance(habit.skip);
  const made = skips ? needs.slice(0, -1) : needs;
  const calls = made.map((need) => callOf(need, question));
  for (const waste of WASTES) {
    const own = waste === habit.waste;
    const wanted = stream.chance(own ? habit.chance : otherWaste);
    if (!wanted || calls.length >= MOST_CALLS) continue;
    insertWaste(calls, waste, drafted, hiding, stream, own ? habit.variety : undefined);
  }
  let written = query;
  const right = habit.right * (needs.length === 0 ? 1 - careless : 1);
  if (!stream.chance(right)) {
    for (const kind of habit.misses) {
      const wrong = nearMiss(query, variant, kind, miss);
      if (!wrong) continue;
      written = wrong;
      break;
    }
  }
  return { calls, sql: renderSql(disguisedQuery(knownFrom(hiding, made), written)) };
}
