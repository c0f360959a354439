/**
 * The corpus of the CoCTE warm start: ways to the answer (draft.ts) as the protocol plays them against real rows,
 * with planted errors. Every step of every way has a share of errors and a habit of going wrong, so that chains
 * go wrong at any step, some ways to an answer are safer than others, and a beginning tells how likely a right
 * end is: what step-level credit and a process reward model live on.
 */
import type { Database, SqlJsStatic } from 'sql.js';
import type { Step } from '../../../episode/episode.ts';
import type { Protocol, Situation } from '../../../episode/protocol.ts';
import { Stream } from '../../../random/stream.ts';
import type { Outcome } from '../../../sql/outcome.ts';
import type { Cell, Schema } from '../../task.ts';
import { partition } from '../draft.ts';
import { createTables } from '../engine.ts';
import { nearMiss, type NearMissKind } from '../near-miss.ts';
import { NAMING, STRUCTURAL, templateOf } from '../planted.ts';
import { renderSql, type Query } from '../query.ts';
import { baseRows } from '../rows.ts';
import { toSchema, type Variant } from '../schemas.ts';
import { sameAnswer } from '../verify.ts';
import { planSql, stepText, type Plan } from './chain.ts';
import { draftSteps, type StepDraft } from './draft.ts';

export interface TraceOptions {
  /** How often steps go wrong, as [share of steps, share of errors]. */
  tiers: readonly (readonly [share: number, errors: number])[];
  /** Share of errors whose SQL fails, by a name that does not exist. */
  failing: number;
  /** Share of failed steps that are written again, right; the others go on as if nothing had happened. */
  retried: number;
}

/** Chosen on tuning questions so that the warm start meets its limits (train/warm-start/cocte.ts). */
export const TRACES: TraceOptions = {
  tiers: [
    [0.61, 0.04],
    [0.24, 0.3],
    [0.15, 0.7],
  ],
  failing: 0.05,
  retried: 0.7,
};

/** What a step does wrong, if it does. */
interface Slip {
  at: number;
  kind: NearMissKind;
  query: Query;
}

export interface Trace {
  variant: Variant;
  drafted: StepDraft;
  plan: Plan;
  turns: { text: string; observation?: string }[];
  /** Errors that were not mended, in order. */
  slips: Slip[];
  /** Whether it ends with gold's answer. */
  right: boolean;
}

/** The base rows of schemas; only for SQL the Nursery itself wrote. */
class BaseRows {
  readonly #sql: SqlJsStatic;
  readonly #open = new Map<Variant, Database>();

  constructor(sql: SqlJsStatic) {
    this.#sql = sql;
  }

  outcome(variant: Variant, sql: string): Outcome {
    let db = this.#open.get(variant);
    if (!db) {
      db = new this.#sql.Database();
      db.run(createTables(variant, baseRows(variant)));
      this.#open.set(variant, db);
    }
    try {
      const statement = db.prepare(sql);
      try {
        const columns = statement.getColumnNames();
        const rows: Cell[][] = [];
        while (statement.step()) rows.push(statement.get());
        return { kind: 'rows', columns, rows, rowCount: rows.length, truncated: false };
      } finally {
        statement.free();
      }
    } catch (error) {
      return { kind: 'error', message: (error as Error).message };
    }
  }
}

export class Traces {
  readonly #seed: number;
  readonly #protocol: Protocol;
  readonly #options: TraceOptions;
  readonly #rows: BaseRows;
  readonly #schemas = new Map<Variant, Schema>();

  /** @param seed of the habits */
  constructor(seed: number, sql: SqlJsStatic, protocol: Protocol, options: TraceOptions = TRACES) {
    this.#seed = seed;
    this.#protocol = protocol;
    this.#options = options;
    this.#rows = new BaseRows(sql);
  }

  /** What the policy reads before its first turn. */
  prompt({ variant, drafted: { question } }: Pick<Trace, 'variant' | 'drafted'>): string {
    const task = { id: '', db_id: variant.id, question, split: 'train' };
    return this.#protocol.prompt(task, this.#schema(variant), { style: 'compact' });
  }

  /** Draws one trace, about the training questions only. `gold` plants no errors. */
  draw(variants: readonly Variant[], stream: Stream, gold: boolean): Trace {
    const variant = stream.pick(variants);
    let drafted = draftSteps(variant, stream);
    while (partition(drafted.question) !== 'train') drafted = draftSteps(variant, stream);
    const template = templateOf(drafted.skill);
    const { plans } = drafted;
    const plan =
      plans[stream.weighted(plans.map(({ id }) => 0.5 + this.#habit(template, id).uniform()))]!;
    const answer = this.#rows.outcome(variant, renderSql(drafted.query));
    const slips = gold ? [] : this.#slips(template, plan, variant, answer, drafted.query, stream);
    return this.#play(variant, drafted, plan, slips, answer, stream);
  }

  #schema(variant: Variant): Schema {
    let schema = this.#schemas.get(variant);
    if (!schema) this.#schemas.set(variant, (schema = toSchema(variant)));
    return schema;
  }

  /** The same stream every time: a habit, not noise. */
  #habit(template: string, plan: string, at = 0): Stream {
    return new Stream(this.#seed, `nursery steps ${template} ${plan}`, at);
  }

  #slips(
    template: string,
    plan: Plan,
    variant: Variant,
    answer: Outcome,
    gold: Query,
    stream: Stream,
  ): Slip[] {
    const { tiers, failing } = this.#options;
    return plan.steps.flatMap((_, at): Slip[] => {
      const habit = this.#habit(template, plan.id, 1 + at);
      const errors = tiers[habit.weighted(tiers.map(([share]) => share))]![1];
      const kinds = [...habit.shuffle(STRUCTURAL), ...habit.shuffle(NAMING)];
      if (!stream.chance(errors)) return [];
      if (stream.chance(failing)) kinds.unshift('name');
      const found = this.#slip(plan, at, kinds, variant, answer, gold);
      return found ? [found] : [];
    });
  }

  /** The first kind of error that changes the answer. */
  #slip(
    plan: Plan,
    at: number,
    kinds: readonly NearMissKind[],
    variant: Variant,
    answer: Outcome,
    gold: Query,
  ): Slip | undefined {
    const step = plan.steps[at]!;
    const ctes = plan.steps.slice(0, at).flatMap(({ table }) => table ?? []);
    const seen = { ...variant, tables: [...variant.tables, ...ctes] };
    for (const kind of kinds) {
      const query = nearMiss(
        step.query,
        seen,
        kind,
        new Stream(this.#seed, `nursery slip ${plan.id}`, at),
      );
      if (!query) continue;
      if (kind === 'name') return { at, kind, query };
      const steps = plan.steps.map((each, i) => (i === at ? { ...each, query } : each));
      const outcome = this.#rows.outcome(variant, planSql({ ...plan, steps }));
      if (outcome.kind === 'rows' && !equal(outcome, answer, gold)) return { at, kind, query };
    }
    return undefined;
  }

  #play(
    variant: Variant,
    drafted: StepDraft,
    plan: Plan,
    slips: readonly Slip[],
    answer: Outcome,
    stream: Stream,
  ): Trace {
    const protocol = this.#protocol;
    const task = { id: '', db_id: variant.id, question: drafted.question, split: 'train' };
    const steps: Step[] = [];
    const situation: Situation = { task, schema: this.#schema(variant), steps };
    const turns: Trace['turns'] = [];
    const write = (at: number, query: Query): Step => {
      const text = stepText(plan.steps[at]!, query);
      const turn = protocol.read(text, situation);
      const step: Step = { start: 0, end: 0, text, ...turn };
      step.outcome = this.#rows.outcome(variant, step.sql!);
      steps.push(step);
      const left = protocol.maxTurns - steps.length;
      const over = step.kind === 'answer' || left === 0;
      turns.push(over ? { text } : { text, observation: protocol.observe(situation, left) });
      return step;
    };
    const kept: Slip[] = [];
    plan.steps.forEach(({ query }, at) => {
      const slip = slips.find((each) => each.at === at);
      const step = write(at, slip?.query ?? query);
      if (!slip) return;
      const room = protocol.maxTurns - steps.length >= plan.steps.length - at;
      const mend = step.kind === 'cte' && step.outcome!.kind !== 'rows' && room;
      if (mend && stream.chance(this.#options.retried)) write(at, query);
      else kept.push(slip);
    });
    const right = equal(steps.at(-1)!.outcome!, answer, drafted.query);
    return { variant, drafted, plan, turns, slips: kept, right };
  }
}

const equal = (a: Outcome, b: Outcome, gold: Query): boolean =>
  a.kind === 'rows' && b.kind === 'rows' && sameAnswer(a.rows, b.rows, gold);
