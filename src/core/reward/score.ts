/**
 * Rewards for people who train elsewhere: JSON lines in, JSON lines out.
 *
 * In: `{"db_id", "question", "gold": SQL | [SQL…], "answer"?: [[…]], "completion": text}`, or in place of
 * `completion` for several turns `"steps": [text | {"kind"?, "text", "call"?, "sql"?, "thought"?, "value"?}…]`, the
 * last being the answer. `call` is `{"tool", "args"}`, null for one that could not be read; `sql` is what to run
 * for the step (default: for a call the argument that is SQL, else the SQL in the text); `thought` is read from
 * `<think>` tags where any step has them; `value` is what a process reward model says. With `"protocol": "cocte"`
 * texts are a Chain-of-CTEs: a completion is taken apart at its blank lines, and each step runs the prefix it ends.
 * Out: `{"reward", "terms", "steps"}`; `reward` is null, with the reason as `error`, where the gold
 * itself cannot be run.
 */
import { badInput } from '../errors.ts';
import { asGold, asAnswer } from '../data/qa.ts';
import { asList, asRecord, asText, field, type Fields } from '../data/fields.ts';
import type { Task } from '../data/task.ts';
import { readCocteChain } from '../episode/cocte.ts';
import type { Episode, Step, ToolCall } from '../episode/episode.ts';
import { splitCocte } from '../sql/cte.ts';
import type { QueryRequest, QueryResult, SqlService } from '../sql/outcome.ts';
import { supervise, type RewardMethod } from './index.ts';
import type { RewardFunction } from './reward.ts';
import { checkedValue } from './step-values.ts';

export interface ScoreItem {
  task: Task;
  /** Without outcomes: nothing has run yet. */
  steps: Step[];
  at: string;
}

export interface Score {
  reward: number | null;
  terms: Record<string, number>;
  steps: number[];
  error?: string;
}

/**
 * The SQL in a completion: the last fenced code block after the last `</think>`, or all that follows it
 * where there is none. '' when nothing does.
 */
export function completionSql(completion: string): string {
  const answer = completion.split('</think>').at(-1)!;
  const fences = [...answer.matchAll(/```[^\n`]*\n([\s\S]*?)```/g)];
  return (fences.at(-1)?.[1] ?? answer).trim();
}

const KINDS = ['think', 'call', 'cte', 'answer'] as const;

const IS_SQL = /^\s*(select|with|values|explain)\b/i;

function readCall(value: unknown, at: string): ToolCall {
  if (value === null) return { tool: '', args: [] };
  const record = asRecord({ value, at });
  const tool = field(record, 'tool');
  if (typeof tool !== 'string') throw badInput(`${at}.tool`, tool ?? null, 'the name of a tool');
  const args = asList(field(record, 'args') ?? [], `${at}.args`, 'arguments');
  return { tool, args: args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg))) };
}

/** What is between the tags of a thought; undefined without tags. */
const thoughtIn = (text: string): string | undefined =>
  /<think>([^]*?)<\/think>/.exec(text)?.[1]?.trim();

function optionalText(record: Fields, key: string, at: string): string | undefined {
  const value = field(record, key) ?? undefined;
  if (value !== undefined && typeof value !== 'string') {
    throw badInput(`${at}.${key}`, value, 'a string');
  }
  return value;
}

function readStep(given: unknown, at: string, last: boolean): Step {
  const record: Fields =
    typeof given === 'string' ? { text: given } : asRecord({ value: given, at });
  const kind = field(record, 'kind') ?? (last ? 'answer' : 'call');
  if (!KINDS.includes(kind as Step['kind'])) {
    throw badInput(`${at}.kind`, kind, `one of ${KINDS.join(', ')}`);
  }
  const text = field(record, 'text');
  if (typeof text !== 'string') throw badInput(`${at}.text`, text ?? null, 'a string');
  const asked = field(record, 'call');
  const call = asked === undefined ? undefined : readCall(asked, `${at}.call`);
  const written = call
    ? (call.args.find((arg) => IS_SQL.test(arg)) ?? '')
    : kind === 'think'
      ? ''
      : completionSql(text);
  const sql = optionalText(record, 'sql', at) ?? written;
  const thought = optionalText(record, 'thought', at) ?? thoughtIn(text);
  const value = field(record, 'value') ?? undefined;
  return {
    ...{ kind: kind as Step['kind'], start: 0, end: 0, text },
    ...(sql !== '' && { sql }),
    ...(call && { call }),
    ...(thought !== undefined && { thought }),
    ...(value !== undefined && { value: checkedValue(value as number, `${at}.value`) }),
  };
}

/** One line of input. Throws `bad_input` naming the line and the field. */
export function readScoreLine(value: unknown, at: string): ScoreItem {
  const record = asRecord({ value, at });
  const gold = field(record, 'gold') ?? undefined;
  const answer = field(record, 'answer') ?? undefined;
  if (gold === undefined && answer === undefined) {
    throw badInput(`${at}.gold`, null, 'gold SQL, or rows as answer');
  }
  const completion = field(record, 'completion');
  const protocol = field(record, 'protocol') ?? undefined;
  if (protocol !== undefined && protocol !== 'cocte') {
    throw badInput(`${at}.protocol`, protocol, 'cocte, or none');
  }
  const turns =
    completion === undefined
      ? asList(field(record, 'steps') ?? null, `${at}.completion`, 'steps, or a text as completion')
      : protocol && typeof completion === 'string' && completion.trim() !== ''
        ? splitCocte(completion)
        : [completion];
  const steps = turns.map((turn, i) => {
    const place = completion === undefined ? `${at}.steps[${i}]` : `${at}.completion`;
    if (completion !== undefined && typeof turn !== 'string') {
      throw badInput(place, turn, 'a string');
    }
    return readStep(turn, place, i === turns.length - 1);
  });
  if (protocol) {
    readCocteChain(steps.map(({ text }) => text)).forEach(({ thoughtLength: _, ...turn }, i) =>
      Object.assign(steps[i]!, turn),
    );
  }
  if (steps.some(({ thought }) => thought !== undefined)) {
    for (const step of steps) step.thought ??= '';
  }
  const task: Task = {
    id: at,
    db_id: asText(field(record, 'db_id') ?? null, `${at}.db_id`),
    question: String(field(record, 'question') ?? ''),
    ...(gold !== undefined && { gold: asGold(gold, `${at}.gold`) }),
    ...(answer !== undefined && { answer: asAnswer(answer, `${at}.answer`) }),
    split: '',
  };
  return { task, steps, at };
}

const episodeOf = ({ task, steps }: ScoreItem): Episode => ({
  task,
  tokens: new Int32Array(),
  mask: new Uint8Array(),
  logProbs: new Float32Array(),
  entropies: new Float32Array(),
  terminated: true,
  text: steps.map(({ text }) => text).join(''),
  steps,
});

export interface ScoreOptions {
  method: RewardMethod;
  /** Of `method`, prepared. */
  reward: RewardFunction;
  /** Writes into executed episodes what the reward reads besides. */
  annotate?: (episodes: readonly Episode[]) => Promise<void>;
}

/**
 * Runs the steps of `items` and rewards them, in order.
 *
 * @param database content hash of each item's database, already added to `service`
 */
export async function scoreItems(
  items: readonly ScoreItem[],
  database: (item: ScoreItem) => string,
  service: SqlService,
  { method, reward, annotate }: ScoreOptions,
): Promise<Score[]> {
  const requests: QueryRequest[] = items.flatMap((item) =>
    item.steps.flatMap(({ kind, sql }) => {
      if (sql === undefined) return [];
      const target = kind === 'answer' ? supervise(method, item.task) : {};
      return [{ database: database(item), sql, ...target }];
    }),
  );
  const results = await service.execute(requests);
  let next = 0;
  const answers: (QueryResult | undefined)[] = [];
  const episodes = items.map((item, i) => {
    const steps = item.steps.map((step): Step => {
      if (step.sql === undefined) return step;
      const result = results[next++]!;
      if (step.kind === 'answer') answers[i] = result;
      const { outcome, comparison, elapsedMs } = result;
      return { ...step, outcome, elapsedMs, ...(comparison && { comparison }) };
    });
    return episodeOf({ ...item, steps });
  });
  await annotate?.(episodes);
  return episodes.map((episode, i) => {
    const { total, terms, steps: process } = reward(episode);
    if (!Number.isNaN(total)) return { reward: total, terms, steps: process };
    const error = answers[i]?.goldError ?? 'nothing to compare with';
    return { reward: null, terms, steps: process, error };
  });
}
