/** What a command tells while it works: one living line on a terminal, plain lines in a pipe. */
import type { EventEmitter } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';

/** The part of a stream that progress needs: process.stderr, or a test's. */
export interface Terminal {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Seconds in the form people say them: 42s, 3m 20s, 2h 05m. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
}

export class Progress {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #colors: ReturnType<typeof picocolors.createColors>;
  #began: { at: number; done: number } | undefined;
  #line = '';

  /** @param now milliseconds of a steady clock */
  constructor(
    terminal: Terminal,
    now: () => number = () => performance.now(),
    env: Readonly<Record<string, string | undefined>> = process.env,
  ) {
    this.#terminal = terminal;
    this.#now = now;
    this.#colors = picocolors.createColors(this.#living && !env['NO_COLOR']);
  }

  get #living(): boolean {
    return this.#terminal.isTTY === true;
  }

  /** `done` of `total` steps, with an estimate of the time left from the steps since the first call. */
  step(done: number, total: number, text = ''): void {
    const now = this.#now();
    this.#began ??= { at: now, done };
    const steps = done - this.#began.done;
    const left = steps > 0 ? ((now - this.#began.at) / steps / 1000) * (total - done) : NaN;
    const { bold, dim } = this.#colors;
    const parts = [bold(`${done}/${total}`), text];
    if (left > 0) parts.push(dim(`${duration(left)} left`));
    this.#show(parts.filter((part) => part !== '').join('  '));
  }

  /** A line that stays. */
  log(line: string): void {
    this.#clear();
    this.#terminal.write(`${line}\n`);
    if (this.#line !== '') this.#terminal.write(this.#line);
  }

  /** Leaves the last step standing; steps after this begin a new line and a new estimate. */
  finish(): void {
    if (this.#line !== '') this.#terminal.write('\n');
    this.#line = '';
    this.#began = undefined;
  }

  #show(text: string): void {
    if (!this.#living) {
      this.#terminal.write(`${text}\n`);
      return;
    }
    this.#clear();
    const columns = this.#terminal.columns ?? 80;
    const plain = stripVTControlCharacters(text);
    // A line that wraps could not be cleared: cut it, without the colours.
    this.#line = plain.length < columns ? text : `${plain.slice(0, columns - 2)}…`;
    this.#terminal.write(this.#line);
  }

  #clear(): void {
    if (this.#line !== '') this.#terminal.write('\r\u001b[2K');
  }
}

/** The part of `process` that hears signals. */
export type SignalSource = Pick<EventEmitter, 'on' | 'off'>;

export interface Interrupt {
  /** Aborted at the first Ctrl-C: finish the step, save, return. */
  readonly signal: AbortSignal;
  /** Stops listening. */
  dispose(): void;
}

/**
 * Turns the first SIGINT or SIGTERM into a polite request and the second into an immediate end with
 * exit code 130.
 *
 * @param onFirst tells the user
 */
export function watchInterrupt(
  onFirst: () => void,
  source: SignalSource = process,
  exit: (code: number) => void = (code) => process.exit(code),
): Interrupt {
  const controller = new AbortController();
  const listener = () => {
    if (controller.signal.aborted) {
      exit(130);
      return;
    }
    controller.abort();
    onFirst();
  };
  const signals = ['SIGINT', 'SIGTERM'];
  for (const name of signals) source.on(name, listener);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of signals) source.off(name, listener);
    },
  };
}
