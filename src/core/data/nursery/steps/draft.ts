/** The world of steps: questions that need two to four CTEs, each with at least two ways to the answer. */
import type { Stream } from '../../../random/stream.ts';
import { hardness } from '../hardness.ts';
import type { NurseryEngine } from '../engine.ts';
import { renderSql } from '../query.ts';
import { ROW_VARIANTS } from '../rows.ts';
import { Scene } from '../scene.ts';
import type { Variant } from '../schemas.ts';
import { sameAnswer } from '../verify.ts';
import type { Draft } from '../draft.ts';
import { planSql, type Plan } from './chain.ts';
import { GROUPS } from './groups.ts';
import { ROWS } from './rows.ts';

export const STEP_TEMPLATES = [...ROWS, ...GROUPS] as const;

export interface StepDraft extends Draft {
  plans: readonly Plan[];
}

/** A question with its plans, not yet executed. */
export function draftSteps(variant: Variant, stream: Stream): StepDraft {
  for (let attempt = 0; attempt < 500; attempt++) {
    const template = stream.pick(STEP_TEMPLATES);
    const sketch = template.sketch(new Scene(variant, stream));
    if (sketch?.plans === undefined) continue;
    const wording = stream.int(sketch.wordings.length);
    // The question settles the words that rationales use, too.
    const question = sketch.wordings[wording]!();
    return {
      question,
      query: sketch.query,
      skill: `${template.id}/${wording}`,
      level: hardness(sketch.query),
      plans: sketch.plans.map((plan) => plan()),
    };
  }
  throw new RangeError(`no template of steps fits the schema ${variant.id}`);
}

/** Whether every plan gives gold's answer on all row variants; the engine has the schema loaded. */
export function plansAgree({ query, plans = [] }: Draft, engine: NurseryEngine): boolean {
  if (plans.length === 0) return true;
  const gold = renderSql(query);
  for (let which = 0; which < ROW_VARIANTS; which++) {
    const rows = engine.query(which, gold);
    if (!rows) return false;
    for (const plan of plans) {
      const own = engine.query(which, planSql(plan));
      if (!own || !sameAnswer(own, rows, query)) return false;
    }
  }
  return true;
}
