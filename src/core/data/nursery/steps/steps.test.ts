import { describe, expect, it } from 'vitest';
import { Stream } from '../../../random/stream.ts';
import { prefixSql, readCteStep } from '../../../sql/cte.ts';
import { loadSql } from '../../../sql/load.ts';
import { NurseryEngine } from '../engine.ts';
import { generate } from '../generate.ts';
import { renderSql } from '../query.ts';
import { ROW_VARIANTS } from '../rows.ts';
import { trainSchemas } from '../schemas.ts';
import { sameAnswer } from '../verify.ts';
import { planSql, stepText } from './chain.ts';
import { draftSteps, STEP_TEMPLATES } from './draft.ts';

const sql = await loadSql();

describe('plans', () => {
  const engine = new NurseryEngine(sql);
  const drafts = trainSchemas(3, 30).flatMap((variant, i) =>
    Array.from({ length: 6 }, (_, k) => ({
      variant,
      drafted: draftSteps(variant, new Stream(3, 'steps test', i, k)),
    })),
  );

  it('are two at least, of two to four CTEs, and differ in their first CTE or in their number', () => {
    const templates = new Set(drafts.map(({ drafted }) => drafted.skill.replace(/\/\d+$/, '')));
    expect(templates.size).toBe(STEP_TEMPLATES.length);
    for (const { drafted } of drafts) {
      const { plans } = drafted;
      expect(plans.length).toBeGreaterThanOrEqual(2);
      expect(new Set(plans.map(({ id }) => id)).size).toBe(plans.length);
      expect(new Set(plans.map(planSql)).size).toBe(plans.length);
      for (const { steps } of plans) {
        expect(steps.length).toBeGreaterThanOrEqual(3);
        expect(steps.length).toBeLessThanOrEqual(5);
      }
    }
  });

  it('give the answer of gold on all row variants', () => {
    for (const { variant, drafted } of drafts) {
      engine.load(variant);
      for (let which = 0; which < ROW_VARIANTS; which++) {
        const gold = engine.query(which, renderSql(drafted.query))!;
        for (const plan of drafted.plans) {
          const rows = engine.query(which, planSql(plan));
          expect(rows && sameAnswer(rows, gold, drafted.query), planSql(plan)).toBe(true);
        }
      }
    }
  });

  it('are read by the protocol as what they are', () => {
    for (const { drafted } of drafts) {
      for (const plan of drafted.plans) {
        const read = plan.steps.map((step) => readCteStep(stepText(step, step.query)));
        expect(read.map(({ thought }) => thought)).toEqual(plan.steps.map((s) => s.rationale));
        const ctes = read.flatMap((step) => step.ctes);
        expect(prefixSql(ctes, read.at(-1)!.final)).toBe(planSql(plan));
      }
    }
  });
});

describe.each(['train', 'tuning', 'dev', 'heldout_schemas'] as const)('%s', (split) => {
  it('has checked tasks of every template', () => {
    const made = generate({ seed: 1, world: 'steps', split, count: 60, sql });
    const skills = new Set(made.map(({ task }) => task.skill!.replace(/\/\d+$/, '')));
    expect(skills.size).toBeGreaterThanOrEqual(STEP_TEMPLATES.length - 2);
    expect(made[0]!.task).toMatchObject({ id: `nursery-steps-${split}-1-0`, split });
    const again = generate({ seed: 1, world: 'steps', split, count: 60, sql });
    expect(again.map(({ task }) => task)).toEqual(made.map(({ task }) => task));
  });
});
