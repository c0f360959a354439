import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput } from '../../core/errors.ts';
import { startNodeBackend } from '../backend.ts';
import { readFolder } from '../papers/claim.ts';
import { runCommand } from '../papers/command.ts';
import { toHtml, toMarkdown } from '../papers/document.ts';
import { findArm } from '../papers/experiment.ts';
import { EXPERIMENTS } from '../papers/index.ts';
import { makePiece } from '../papers/make.ts';
import { parsePiece, type Make } from '../papers/piece.ts';
import { reportBlocks } from '../papers/report.ts';
import type { PrmResult, RunResult, TrialResult, WarmResult } from '../papers/result.ts';
import {
  measureHeldout,
  readAll,
  readRuns,
  runAll,
  runPilot,
  runTrials,
  STAGES,
  type Stage,
  type StageOptions,
} from '../papers/stages.ts';
import { Option } from 'commander';
import type { Register, Session } from './command.ts';
import { plainOption, wholeNumber } from './options.ts';

const known = EXPERIMENTS.map(({ name }) => name).join(', ');

interface Options {
  stage?: Stage;
  seeds?: string;
  arms?: string;
  maxSeeds: number;
  jobs: number;
  out?: string;
  runs: string;
  questions: number;
  base?: string;
  force?: true;
  plain?: true;
  piece?: string;
}

const MAX_SEEDS = 12;
const QUESTIONS = 1000;

/**
 * `stepsql papers <experiment>`: learning rates, pilot, runs and report of an experiment, one result file a
 * piece. What has a result file is not made again, so it can be stopped and continued, and several
 * processes can share the work. Held-out questions are measured only when asked for.
 */
export const papers: Register = (program, session) => {
  program
    .command('papers')
    .description('run an experiment over seeds, in pieces that stop and continue, and report it')
    .argument('<experiment>', known)
    .addOption(
      new Option(
        '--stage <name>',
        'up to and with this stage (default: runs, then the report); heldout is never done unasked',
      ).choices(STAGES),
    )
    .option('--seeds <list>', 'these seeds, each with its warm start, instead of what a pilot says')
    .option(
      '--max-seeds <n>',
      'at most so many, whatever the pilot says',
      wholeNumber(2, 100),
      MAX_SEEDS,
    )
    .option('--arms <list>', 'only these arms')
    .option('--jobs <n>', 'pieces made side by side, one thread each', wholeNumber(1, 64), 1)
    .option('--out <dir>', 'result files and report (default: results/<experiment>)')
    .option('--runs <dir>', 'run folders', 'runs')
    .option('--questions <n>', 'questions per split', wholeNumber(1, 100_000), QUESTIONS)
    .option(
      '--base <dir>',
      'what warm starts go on from (warm-start --base), {seed} in it is the seed',
    )
    .option('--force', 'heldout: measure again')
    .addOption(plainOption())
    .addOption(new Option('--piece <json>', 'make one piece and print its result').hideHelp())
    .action((name: string, options: Options) =>
      session.interruptible((stop) => run(session, name, options, stop)),
    );
};

async function run(
  session: Session,
  name: string,
  options: Options,
  stop: AbortSignal,
): Promise<void> {
  const experiment = EXPERIMENTS.find((e) => e.name === name);
  if (!experiment) throw badInput('experiment', name, `one of ${known}`);
  const label = options.plain ? `${name}-plain` : name; // other bits: never among the others
  const out = options.out ?? join('results', label);
  const shared = {
    ...{ experiment, out, stop, questions: options.questions },
    runs: join(options.runs, label),
    ...(options.base !== undefined && { base: options.base }),
  };
  if (options.piece !== undefined) {
    endWithParent();
    const backend = await backendOf(options);
    const onProgress = session.progress.step.bind(session.progress);
    const result = await makePiece(parsePiece(options.piece), { ...shared, backend, onProgress });
    if (result) session.print(JSON.stringify(result), result);
    return;
  }
  await mkdir(out, { recursive: true });
  const arms = options.arms?.split(',').map((arm) => findArm(experiment, arm, '--arms'));
  const stages: StageOptions = {
    ...{ ...shared, arms: arms ?? experiment.arms, maxSeeds: options.maxSeeds },
    ...{ jobs: options.jobs, force: options.force ?? false },
    seeds: options.seeds?.split(',').map(wholeNumber(0, 0xffffffff)),
    backend: options.jobs > 1 ? '' : await backendOf(options), // children start their own
    make: options.jobs > 1 ? inChild(name, options) : makePiece,
    note: (text) => session.note(text),
    show: (done, total, text) => session.progress.step(done, total, text),
  };
  await runStages(options.stage, stages);
  session.progress.finish();
  if (stop.aborted) {
    session.print('Stopped: the same command goes on.', { stopped: true });
    return;
  }
  await writeReport(session, stages, commandsOf(name, options));
}

/** On wasm results repeat bit for bit. */
const backendOf = async ({ plain }: Options): Promise<string> =>
  (await startNodeBackend('wasm', plain)).name;

async function runStages(last: Stage | undefined, options: StageOptions): Promise<void> {
  if (last === 'report') return;
  if (last === 'heldout') {
    await measureHeldout(options);
    return;
  }
  const rates = await runTrials(options);
  if (!rates || last === 'trials') return;
  const plan = await runPilot(rates, options);
  if (plan) options.note(`the pilot asks for ${plan.seeds} seeds${plan.capped ? ' (capped)' : ''}`);
  if (plan === undefined || last === 'pilot') return;
  await runAll(rates, plan, options);
}

/** Each piece in a process of its own. */
function inChild(name: string, { plain, base }: Options): Make {
  return async (piece, { out, runs, questions, stop, onProgress }) => {
    const args = ['papers', name, '--piece', JSON.stringify(piece), '--out', out];
    const more = ['--runs', join(runs, '..'), '--questions', String(questions)];
    const flags = [...(plain ? ['--plain'] : []), ...(base === undefined ? [] : ['--base', base])];
    const all = [...args, ...more, ...flags];
    return (await runCommand(all, { stop, onProgress })) as object | undefined;
  };
}

/** Whoever started us holds our standard input: when it closes, nobody waits for the result. */
function endWithParent(): void {
  process.stdin.on('end', () => process.exit(130)).resume();
  process.stdin.on('error', () => process.exit(130));
  (process.stdin as { unref?: () => void }).unref?.();
}

/** What makes the results anew; where they lie and how many are made at a time does not change them. */
function commandsOf(name: string, options: Options): string[] {
  const { base, seeds, maxSeeds, questions, plain } = options;
  const flags = {
    ...{ '--base': base, '--seeds': seeds },
    ...{ '--max-seeds': maxSeeds === MAX_SEEDS ? undefined : maxSeeds },
    ...{ '--questions': questions === QUESTIONS ? undefined : questions },
  };
  const given = Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined ? [] : [`${flag} ${value}`],
  );
  const command = ['stepsql papers', name, ...given, ...(plain ? ['--plain'] : [])].join(' ');
  return [command, `${command} --stage heldout`];
}

async function writeReport(
  session: Session,
  options: StageOptions,
  commands: string[],
): Promise<void> {
  const { experiment, out, maxSeeds } = options;
  const all = { out, arms: experiment.arms };
  const [runs, trials, heldout, warm, prm] = await Promise.all([
    readRuns(all),
    readAll<TrialResult>(all, 'trials'),
    readAll<RunResult>(all, 'heldout'),
    readFolder<WarmResult>(join(out, 'warm')),
    readFolder<PrmResult>(join(out, 'prm')),
  ]);
  const blocks = reportBlocks({
    ...{ experiment, runs, trials, heldout, warm, prm, commands, maxSeeds },
  });
  const markdown = toMarkdown(experiment.title, blocks);
  await writeFile(join(out, 'README.md'), markdown);
  await writeFile(join(out, 'report.html'), toHtml(experiment.title, blocks));
  session.print(markdown, runs);
}
