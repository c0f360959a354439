/** An experiment: arms trained from the same warm start of each seed, measured on the same questions. */
import type { Recipe } from '../../core/recipe/schema.ts';

export interface Arm {
  name: string;
  /** What the arm shows, for the report. */
  description: string;
  /** Null measures the warm start itself. */
  recipe: Recipe | null;
}

export interface Experiment {
  name: string;
  title: string;
  arms: readonly Arm[];
}
