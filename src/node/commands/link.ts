import { recipeHash } from '../../core/recipe/canonical.ts';
import { encodeLink } from '../../core/recipe/link.ts';
import { setOption, type Register } from './command.ts';
import { readRecipeSource } from './recipe-source.ts';

/** `stepsql link <recipe>`: the share link of a preset, recipe file or run. */
export const link: Register = (program, session) => {
  program
    .command('link')
    .description('print the share link of a recipe')
    .argument('<recipe>', 'a preset, a recipe file, a run folder or another link')
    .addOption(setOption())
    .option('--address <url>', 'address of the page, to go before the link', '')
    .action(async (source: string, options: { set: string[]; address: string }) => {
      const { recipe, fingerprint, notes } = await readRecipeSource(source, options.set);
      for (const note of notes) session.note(`note: ${note}`);
      const whole = options.address.replace(/#.*$/, '') + encodeLink(recipe, fingerprint);
      session.print(whole, { link: whole, run: recipeHash(recipe), notes });
    });
};
