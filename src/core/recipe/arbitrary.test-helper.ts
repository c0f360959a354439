/** fast-check: recipes of every method, differing from a preset in any fields. */
import fc from 'fast-check';
import { StepSqlError } from '../errors.ts';
import { applySet } from './change.ts';
import { recipeFields, type Field } from './fields.ts';
import { presetNames, presetRecipe } from './presets.ts';
import type { Recipe } from './schema.ts';

const HASH = 'ab'.repeat(32);

function valueOf(field: Field): fc.Arbitrary<string> {
  switch (field.kind) {
    case 'choice':
      return fc.constantFrom(...field.choices!);
    case 'flag':
      return fc.constantFrom('true', 'false');
    case 'integer': {
      const max = Math.min(field.max ?? 1e6, 0xffffffff);
      return fc.integer({ min: field.min ?? 0, max }).map(String);
    }
    case 'number':
      return fc
        .double({ min: field.min ?? -1e6, max: field.max ?? 1e6, noNaN: true })
        .map((value) => String(value + 0));
    case 'text':
      return fc.constantFrom('dev', 'Ünnamed run', HASH, 'scratch', '2024-02-29');
  }
}

const assignment = fc
  .constantFrom(...recipeFields)
  .chain((field) =>
    fc.tuple(
      fc.constant(field.path),
      field.nullable ? fc.oneof(fc.constant('null'), valueOf(field)) : valueOf(field),
    ),
  );

/** Assignments that do not go with the recipe so far are left out. */
export const arbitraryRecipe: fc.Arbitrary<Recipe> = fc
  .tuple(fc.constantFrom(...presetNames), fc.array(assignment, { maxLength: 8 }))
  .map(([preset, assignments]) =>
    assignments.reduce((recipe, [path, value]) => {
      try {
        return applySet(recipe, `${path}=${value}`);
      } catch (error) {
        if (error instanceof StepSqlError) return recipe;
        throw error;
      }
    }, presetRecipe(preset)),
  );
