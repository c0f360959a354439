/** The warm start's corpus in the hidden world: whole episodes with planted habits, or as they should be. */
import { makeProtocol } from '../../../episode/index.ts';
import { answerText, callText } from '../../../episode/tools.ts';
import type { Protocol } from '../../../episode/protocol.ts';
import type { Step } from '../../../episode/episode.ts';
import { Stream } from '../../../random/stream.ts';
import { partition, type Draft } from '../draft.ts';
import { templateOf } from '../planted.ts';
import { renderSql } from '../query.ts';
import { baseRows } from '../rows.ts';
import type { Variant } from '../schemas.ts';
import type { Schema, Task } from '../../task.ts';
import { answerOf } from './answer.ts';
import { factsOf } from './generate.ts';
import { TOOL_HABITS, ToolHabits, type HabitOptions } from './habits.ts';
import { disguisedQuery, disguisedSchema, hide, type Hiding } from './hide.ts';
import { CALL_SHARES, choices } from './needs.ts';
import { draftHidden, hiddenSchemas } from './skills.ts';
import { habitualPlan, idealPlan, type Plan } from './trace.ts';

export interface TraceTurn {
  text: string;
  /** What the protocol shows after it; absent after the last. */
  observation?: string;
}

export interface Trace {
  prompt: string;
  turns: TraceTurn[];
  /** What the trace was made from. */
  task: Task;
  schema: Schema;
  hiding: Hiding;
  plan: Plan;
}

/** Share of examples with the facts in the prompt and no calls: what the oracle's prompt means. */
const ORACLE_SHARE = 0.3;

function drawn(
  variants: readonly Variant[],
  stream: Stream,
  calls: number,
): [variant: Variant, drafted: Draft] {
  for (;;) {
    const variant = stream.pick(variants);
    const drafted = draftHidden(variant, stream, calls);
    if (drafted && partition(drafted.question) === 'train') return [variant, drafted];
  }
}

/** Writes a plan as turns; observations are the protocol's own. */
function played(
  plan: Plan,
  task: Task,
  schema: Schema,
  hiding: Hiding,
  protocol: Protocol,
): TraceTurn[] {
  const steps: Step[] = [];
  const turns = plan.calls.map(({ thought, text: call }): TraceTurn => {
    const text = callText(thought, call);
    const turn = protocol.read(text, { task, schema, steps });
    const outcome = turn.outcome ?? answerOf(turn.sql!, hiding);
    steps.push({ ...turn, outcome, text, start: 0, end: 0 });
    const turnsLeft = protocol.maxTurns - steps.length;
    return { text, observation: protocol.observe({ task, schema, steps }, turnsLeft) };
  });
  return [...turns, { text: answerText('ready', plan.sql) }];
}

export interface TraceOptions {
  seed: number;
  habits?: HabitOptions;
}

/** An endless supply of traces over the schemas of a Nursery: `(update, index, gold)`. */
export class ToolTraces {
  readonly #variants: readonly Variant[];
  readonly #options: TraceOptions;
  readonly #habits: ToolHabits;
  readonly #protocol = makeProtocol('tools');
  readonly #oracle = makeProtocol('tools', { reveal_facts: true });

  constructor(variants: readonly Variant[], options: TraceOptions) {
    this.#variants = hiddenSchemas(variants);
    this.#options = options;
    this.#habits = new ToolHabits(options.seed, options.habits ?? TOOL_HABITS);
  }

  /** @param gold as it should be: needed calls only, right SQL */
  trace(update: number, index: number, gold: boolean): Trace {
    const { seed } = this.#options;
    const stream = new Stream(seed, 'hidden trace', update, index);
    const count = stream.weighted(CALL_SHARES);
    const [variant, drafted] = drawn(this.#variants, stream, count);
    const { question, query, skill } = drafted;
    const needs = stream.pick(choices(query, variant, count));
    const hiding = hide(query, variant, baseRows(variant), needs, stream);
    const schema = disguisedSchema(hiding);
    const oracle = stream.chance(ORACLE_SHARE);
    const task: Task = {
      ...{ id: '', db_id: '', question, split: 'train', skill },
      gold: [renderSql(disguisedQuery(hiding, query))],
      needs: hiding.needs.map(({ key }) => key),
      facts: factsOf(hiding, query),
    };
    const habit = this.#habits.of(skill);
    const miss = new Stream(seed, `hidden miss ${templateOf(skill)}`, 1);
    const { otherWaste, careless } = this.#habits.options;
    const ideal = idealPlan(drafted, hiding);
    // Who reads the facts calls nothing, but errs in SQL like anyone else.
    const plan = gold
      ? ideal
      : habitualPlan({ drafted, hiding, habit, otherWaste, careless, oracle, stream, miss });
    const written: Plan = oracle ? { ...plan, calls: [] } : plan;
    const protocol = oracle ? this.#oracle : this.#protocol;
    return {
      prompt: protocol.prompt(task, schema, { style: 'compact' }),
      turns: played(written, task, schema, hiding, protocol),
      ...{ task, schema, hiding, plan: written },
    };
  }
}
