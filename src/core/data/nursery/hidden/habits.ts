/**
 * How the warm start of the hidden world errs: like a person, each skill in its own way, and often enough that
 * the better way is sampled beside it. Three kinds of wasted call, needed calls left out, and wrong SQL.
 */
import { Stream } from '../../../random/stream.ts';
import { NAMING, STRUCTURAL, templateOf } from '../planted.ts';
import type { NearMissKind } from '../near-miss.ts';
import { HIDDEN_TEMPLATES } from './skills.ts';

export const WASTES = ['repeat', 'useless', 'failing'] as const;
export type Waste = (typeof WASTES)[number];

/** Which waste is a template's own, in turn. Useless calls happen often enough without many habits. */
const OWN: readonly (Waste | null)[] = [
  ...(['repeat', 'failing', 'useless', 'repeat'] as const),
  ...(['failing', null, 'repeat', 'failing'] as const),
];

/** `[share of templates, probability]`, dealt out over the templates. */
type Tiers = readonly (readonly [share: number, chance: number])[];

export interface HabitOptions {
  /** Share of gold SQL. */
  right: Tiers;
  /** Chance that one of the needed calls is left out. */
  skip: Tiers;
  /** Chance of a wasted call of the template's own kind. */
  waste: Tiers;
  /** Chance of a wasted call of each other kind. */
  otherWaste: number;
  /** Share of questions that need no call but are answered as if they were not right. */
  careless: number;
}

/** Chosen so that the warm start meets its limits (train/warm-start.ts) on tuning questions. */
export const TOOL_HABITS: HabitOptions = {
  right: [
    [0.2, 0.4],
    [0.35, 0.75],
    [0.45, 0.95],
  ],
  skip: [
    [0.26, 0.64],
    [0.26, 0.3],
    [0.48, 0.05],
  ],
  waste: [
    [0.4, 0.2],
    [0.6, 0.6],
  ],
  otherWaste: 0.04,
  careless: 0.45,
};

export interface ToolHabit {
  right: number;
  skip: number;
  /** The kind of waste that is its own, if any. */
  waste: Waste | null;
  chance: number;
  /** Which call of that kind. */
  variety: number;
  /** Errors of SQL it prefers, in order. */
  misses: readonly NearMissKind[];
}

/** The habits of all skills under one seed. */
export class ToolHabits {
  readonly options: HabitOptions;
  readonly #seed: number;
  readonly #known = new Map<string, ToolHabit>();

  constructor(seed: number, options: HabitOptions = TOOL_HABITS) {
    this.#seed = seed;
    this.options = options;
  }

  /** Deals tiers over the templates; each purpose in an order of its own. */
  #tier(purpose: string, tiers: Tiers, template: string): number {
    const order = new Stream(this.#seed, `hidden ${purpose}`).shuffle(HIDDEN_TEMPLATES);
    let place = (order.indexOf(template) + 0.5) / order.length;
    return (tiers.find(([share]) => (place -= share) < 0) ?? tiers.at(-1)!)[1];
  }

  of(skill: string): ToolHabit {
    let habit = this.#known.get(skill);
    if (!habit) {
      const template = templateOf(skill);
      const { right, skip, waste } = this.options;
      const kinds = new Stream(this.#seed, 'hidden waste kind').shuffle(HIDDEN_TEMPLATES);
      const misses = new Stream(this.#seed, `hidden miss ${template}`);
      const own = OWN[kinds.indexOf(template) % OWN.length];
      habit = {
        right: this.#tier('right', right, template),
        skip: this.#tier('skip', skip, template),
        waste: own ?? null,
        chance: this.#tier('waste', waste, template),
        variety: new Stream(this.#seed, `hidden variety ${template}`).int(60),
        misses: [...misses.shuffle(STRUCTURAL), ...misses.shuffle(NAMING)],
      };
      this.#known.set(skill, habit);
    }
    return habit;
  }
}
