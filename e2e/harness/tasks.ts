/** What the tests can ask of the harness. Arguments and results are plain data. */
import { compareLogits } from './logits.ts';
import { compareOperations } from './operations.ts';
import { trainTiny, trainWarm } from './train.ts';

export const tasks = { trainWarm, trainTiny, compareOperations, compareLogits };

export type TaskName = keyof typeof tasks;
