import { Command, CommanderError } from 'commander';
import { StepSqlError } from '../../core/errors.ts';
import { APP_VERSION } from '../../core/recipe/version.ts';
import { useNodeSqlParser } from '../sql-parser.ts';
import { Session, type Io, type Register } from './command.ts';
import { commands } from './index.ts';

/**
 * Runs the command line and gives its exit code: 0 ok, 1 bad input or failure, 130 interrupted.
 *
 * @param argv without node and script
 */
export async function runCommandLine(
  argv: readonly string[],
  io: Io,
  registered: readonly Register[] = commands,
): Promise<number> {
  useNodeSqlParser();
  // Known before parsing, so that mistakes in the command line itself are told as JSON too.
  const session = new Session(io, argv.includes('--json'));
  const program = new Command('stepsql')
    .description('Reinforcement learning of text-to-SQL policies')
    .version(APP_VERSION, '--version', 'print the version')
    .option('--json', 'print results and errors as JSON, for machines')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void (session.json || io.stderr.write(text)),
    })
    .showHelpAfterError('(stepsql --help lists what there is)');
  for (const register of registered) register(program, session);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    session.progress.finish();
  } catch (error) {
    if (error instanceof CommanderError) {
      // commander has already said what was wrong, or printed what --help and --version ask for.
      if (session.json && error.exitCode !== 0) {
        session.fail(new StepSqlError('usage', error.message.replace(/^error: /, '')));
      }
      return error.exitCode;
    }
    session.fail(error);
  }
  return session.exitCode;
}
