/** The commands: a new one is a file beside this and a line here. */
import type { Register } from './command.ts';
import { ask } from './ask.ts';
import { credit } from './credit.ts';
import { evalPolicy } from './eval.ts';
import { evaluate } from './evaluate.ts';
import { score } from './score.ts';
import { train } from './train.ts';
import { warmStart } from './warm-start.ts';
import { link } from './link.ts';
import { nursery } from './nursery.ts';
import { pack, unpack } from './pack.ts';
import { papers } from './papers.ts';
import { prm } from './prm.ts';
import { recipe } from './recipe.ts';

export const commands: readonly Register[] = [
  train,
  warmStart,
  prm,
  evalPolicy,
  ask,
  nursery,
  papers,
  link,
  recipe,
  pack,
  unpack,
  score,
  evaluate,
  credit,
];
