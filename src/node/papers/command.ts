/** Runs this command line in a process of its own, with progress and a stop that reaches it. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { StepSqlError } from '../../core/errors.ts';
import type { Report } from './piece.ts';

/** The build puts it beside everything that imports this. */
const BUILT_COMMAND_LINE = fileURLToPath(new URL('./cli.js', import.meta.url));

/** `done/total text`, as progress is told to a pipe. */
const STEP = /^(\d+)\/(\d+)\s*(.*)$/;

export interface Told {
  stop: AbortSignal;
  onProgress: Report;
}

/**
 * The JSON a command prints with `--json`; undefined when `stop` ended it. Throws what it failed with.
 *
 * @param file the built command line, when it is not beside the running bundle
 */
export function runCommand(
  args: readonly string[],
  { stop, onProgress }: Told,
  file = BUILT_COMMAND_LINE,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // In a group of its own: Ctrl-C reaches it once, through `stop`.
    const child = spawn(process.execPath, [file, '--json', ...args], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'], // a child that listens knows by the first that we are gone
    });
    const interrupt = (): void => void child.kill('SIGINT');
    const kill = (): void => void child.kill('SIGKILL');
    if (stop.aborted) interrupt();
    stop.addEventListener('abort', interrupt);
    process.on('exit', kill); // the second Ctrl-C ends this process at once
    let printed = '';
    let told = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const lines = (told + text).split('\n');
      told = lines.pop()!;
      for (const line of lines) {
        const step = STEP.exec(line);
        if (step) onProgress(Number(step[1]), Number(step[2]), step[3]!);
        else if (line.startsWith('{"error"')) told = `${line}\n`;
      }
    });
    child.on('error', reject);
    child.on('close', (code) => {
      stop.removeEventListener('abort', interrupt);
      process.off('exit', kill);
      if (code === 130) resolve(undefined);
      else if (code === 0) resolve(JSON.parse(printed) as unknown);
      else reject(failure(told, args, code));
    });
  });
}

function failure(told: string, args: readonly string[], code: number | null): Error {
  try {
    const { error } = JSON.parse(told) as { error: { code: string; message: string } };
    return new StepSqlError(error.code, error.message);
  } catch {
    return new Error(`stepsql ${args.join(' ')} ended with ${code ?? 'a signal'}: ${told}`);
  }
}
