/** The commands: a new one is a file beside this and a line here. */
import type { Register } from './command.ts';
import { credit } from './credit.ts';
import { evaluate } from './evaluate.ts';
import { score } from './score.ts';
import { link } from './link.ts';
import { recipe } from './recipe.ts';

export const commands: readonly Register[] = [link, recipe, score, evaluate, credit];
