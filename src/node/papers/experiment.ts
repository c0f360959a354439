/** An experiment: arms trained from the same warm start of each seed, measured on the same questions. */
import type { RecipeInput } from '../../core/recipe/schema.ts';

export interface Arm {
  name: string;
  /** What the arm shows, for the report. */
  description: string;
  /** Changes to the preset; null measures the warm start itself. */
  recipe: RecipeInput | null;
}

export interface Experiment {
  name: string;
  title: string;
  arms: readonly Arm[];
}
