/** What every command of the command line gets and shares. */
import { Option, type Command } from 'commander';
import { StepSqlError } from '../../core/errors.ts';
import { Progress, watchInterrupt, type Interrupt, type Terminal } from '../progress.ts';

/** Where the command line reads and writes: the process, or a test. */
export interface Io {
  stdout: Terminal;
  stderr: Terminal;
  env: Readonly<Record<string, string | undefined>>;
}

/** One run of the command line. Results go to stdout, everything else to stderr. */
export class Session {
  readonly io: Io;
  /** Whether --json was given: results as one JSON value, errors too. */
  readonly json: boolean;
  /** 0 ok, 1 bad input or failure, 130 interrupted. */
  exitCode = 0;
  readonly progress: Progress;

  constructor(io: Io, json: boolean) {
    this.io = io;
    this.json = json;
    this.progress = new Progress(io.stderr, undefined, io.env);
  }

  /** The result: text for people, or with --json a value for machines. */
  print(text: string, value: unknown): void {
    this.io.stdout.write(`${this.json ? JSON.stringify(value) : text}\n`);
  }

  /** A remark for people. */
  note(text: string): void {
    this.progress.log(text);
  }

  /**
   * Runs `work` so that the first Ctrl-C aborts its signal (finish the step, save, return) and the
   * second ends the process. An interrupted command exits with 130.
   */
  async interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const interrupt: Interrupt = watchInterrupt(() =>
      this.note('Finishing this step, then saving. Ctrl-C again stops at once.'),
    );
    try {
      return await work(interrupt.signal);
    } finally {
      if (interrupt.signal.aborted) this.exitCode = 130;
      interrupt.dispose();
    }
  }

  /** Tells what went wrong: one line for bad input, the stack and a hint for a fault of our own. */
  fail(error: unknown): void {
    this.exitCode = 1;
    this.progress.finish();
    const known = error instanceof StepSqlError;
    const message = error instanceof Error ? error.message : String(error);
    if (this.json) {
      const code = known ? error.code : 'internal';
      const body = { error: { code, field: known ? error.field : undefined, message } };
      this.io.stderr.write(`${JSON.stringify(body)}\n`);
    } else if (known) {
      this.io.stderr.write(`error: ${message}\n`);
    } else {
      const stack = (error instanceof Error && error.stack) || message;
      this.io.stderr.write(
        `${stack}\n\nThis is a fault of StepSQL, not of your input. Please report it with the command ` +
          'and the lines above.\n',
      );
    }
  }
}

/** Adds a command to the program. One file each, listed in `index.ts`. */
export type Register = (program: Command, session: Session) => void;

/** `--set key=value`, as often as wanted. */
export const setOption = (): Option =>
  new Option(
    '--set <key=value>',
    'change a field of the recipe, for example grpo.beta=0.01 (repeat)',
  )
    .argParser((value: string, all: string[]) => [...all, value])
    .default([], 'none');
