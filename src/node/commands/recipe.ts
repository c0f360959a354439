import { recipeHash } from '../../core/recipe/canonical.ts';
import { setOption, type Register } from './command.ts';
import { readRecipeSource } from './recipe-source.ts';

/** `stepsql recipe <link>`: the whole recipe behind a link, preset or run, defaults filled in. */
export const recipe: Register = (program, session) => {
  program
    .command('recipe')
    .description('print the whole recipe behind a link')
    .argument('<link>', 'a link, a preset, a recipe file or a run folder')
    .addOption(setOption())
    .action(async (source: string, options: { set: string[] }) => {
      const { recipe, fingerprint, notes } = await readRecipeSource(source, options.set);
      for (const note of notes) session.note(`note: ${note}`);
      session.print(JSON.stringify(recipe, null, 2), {
        recipe,
        run: recipeHash(recipe),
        fingerprint,
        notes,
      });
    });
};
