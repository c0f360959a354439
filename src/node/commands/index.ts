/** The commands: a new one is a file beside this and a line here. */
import type { Register } from './command.ts';
import { credit } from './credit.ts';
import { evaluate } from './evaluate.ts';
import { score } from './score.ts';
import { train } from './train.ts';
import { warmStart } from './warm-start.ts';
import { link } from './link.ts';
import { recipe } from './recipe.ts';

export const commands: readonly Register[] = [
  train,
  warmStart,
  link,
  recipe,
  score,
  evaluate,
  credit,
];
