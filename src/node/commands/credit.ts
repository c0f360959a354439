import { credits, findCredit } from '../../core/credit/index.ts';
import { creditLines, readCreditLine } from '../../core/credit/lines.ts';
import { readAssignments } from '../../core/options.ts';
import { readJsonLines } from '../json-lines.ts';
import type { Register } from './command.ts';
import { methodSetOption } from './options.ts';

/** `stepsql credit --method M`: JSON lines of rewards in, advantages out. */
export const credit: Register = (program, session) => {
  program
    .command('credit')
    .summary('advantages from rewards, JSON lines in and out')
    .description(
      'Advantages from rewards. Reads {"group": [{"outcome": R, "steps"?: [r…], "lengths"?: [n…]}, …]} a\n' +
        'line and writes {"advantages": [[…], …]}, one number a step. All lines are one batch. Some methods\n' +
        'need "anchors" (what was shown before each step) or "entropies" (of its tokens, nats) too.',
    )
    .argument('[file]', 'JSON lines; - for standard input', '-')
    .requiredOption('--method <name>', Object.keys(credits).join(', '))
    .addOption(methodSetOption('scale_rewards=batch'))
    .action(async (file: string, options: { method: string; set: string[] }) => {
      const assign = findCredit(options.method).make(readAssignments(options.set));
      const groups = (await readJsonLines(file)).map(({ value, at }) => readCreditLine(value, at));
      for (const line of creditLines(groups, assign)) {
        session.io.stdout.write(`${JSON.stringify(line)}\n`);
      }
    });
};
