import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { duration, Progress, watchInterrupt } from './progress.ts';

class Recorder {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;

  constructor(isTTY: boolean, columns = 80) {
    this.isTTY = isTTY;
    this.columns = columns;
  }

  write(text: string): void {
    this.text += text;
  }
}

/** A clock that shows these seconds one after the other. */
function clock(...seconds: number[]): () => number {
  return () => seconds.shift()! * 1000;
}

describe('duration', () => {
  it.each([
    [0, '0s'],
    [59.4, '59s'],
    [59.6, '1m 00s'],
    [200, '3m 20s'],
    [7500, '2h 05m'],
    [-1, '0s'],
  ])('%d s is %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe('Progress', () => {
  it('writes plain lines into a pipe, with the time left', () => {
    const pipe = new Recorder(false);
    const progress = new Progress(pipe, clock(0, 10, 20), {});
    progress.step(5, 10, 'reward 0.1');
    progress.step(6, 10, 'reward 0.2');
    progress.log('checkpoint saved');
    progress.step(7, 10);
    progress.finish();
    expect(pipe.text).toBe(
      '5/10  reward 0.1\n6/10  reward 0.2  40s left\ncheckpoint saved\n7/10  30s left\n',
    );
  });

  it('keeps one line on a terminal, below what is logged', () => {
    const terminal = new Recorder(true);
    const progress = new Progress(terminal, clock(0, 1), { NO_COLOR: '1' });
    progress.step(1, 2, 'a');
    progress.log('note');
    progress.step(2, 2, 'b');
    progress.finish();
    const clear = '\r\u001b[2K';
    expect(terminal.text).toBe(`1/2  a${clear}note\n1/2  a${clear}2/2  b\n`);
  });

  it('never lets the line wrap', () => {
    const terminal = new Recorder(true, 20);
    new Progress(terminal, clock(0), { NO_COLOR: '1' }).step(1, 2, 'x'.repeat(50));
    expect(terminal.text).toBe('1/2  xxxxxxxxxxxxx…');
  });

  it('colours terminals only, and not with NO_COLOR', () => {
    const write = (isTTY: boolean, env: Record<string, string>) => {
      const terminal = new Recorder(isTTY);
      new Progress(terminal, clock(0), env).step(1, 2);
      return terminal.text.includes('\u001b[1m');
    };
    expect(write(true, {})).toBe(true);
    expect(write(true, { NO_COLOR: '1' })).toBe(false);
    expect(write(false, {})).toBe(false);
  });
});

describe('watchInterrupt', () => {
  it('asks first, ends at the second', () => {
    const source = new EventEmitter();
    const codes: number[] = [];
    let asked = 0;
    const { signal, dispose } = watchInterrupt(
      () => asked++,
      source,
      (code) => codes.push(code),
    );
    expect(signal.aborted).toBe(false);
    source.emit('SIGINT');
    expect([signal.aborted, asked, codes]).toEqual([true, 1, []]);
    source.emit('SIGTERM');
    expect([asked, codes]).toEqual([1, [130]]);
    dispose();
    expect(source.listenerCount('SIGINT') + source.listenerCount('SIGTERM')).toBe(0);
  });
});
