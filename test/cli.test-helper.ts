/** The built command line as a child process, and runs small enough for tests. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import { runCommandLine } from '../src/node/commands/run.ts';

export const root = resolve(import.meta.dirname, '..');
export const CLI = join(root, 'dist/node/cli.js');
export const spider = resolve(root, '../shared/data/spider');

/** `npm test` builds first; a run of one file may not have. */
export function ensureBuilt(): void {
  if (!existsSync(CLI)) execFileSync(process.execPath, ['tools/build-node.js'], { cwd: root });
}

export interface Finished {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd: string;
  cli?: string;
  /** Sees stderr so far whenever more arrives, and may signal the child. */
  watch?: (stderr: string, kill: (signal: NodeJS.Signals) => void) => void;
}

export function stepsql(args: readonly string[], options: RunOptions): Promise<Finished> {
  const { cwd, cli = CLI, watch } = options;
  const child = spawn(process.execPath, [cli, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    watch?.(stderr, (signal) => child.kill(signal));
  });
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (status) => done({ status, stdout, stderr }));
  });
}

/** In this process, which is faster: for what is refused before any SQL runs. Gives stderr. */
export async function refusal(args: readonly string[]): Promise<string> {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    write: (text: string) => void (written[name] += text),
  });
  const io = { stdout: stream('stdout'), stderr: stream('stderr'), env: {} };
  const status = await runCommandLine(args, io);
  expect({ status, stdout: written.stdout }).toEqual({ status: 1, stdout: '' });
  expect(written.stderr).not.toContain('    at '); // bad input is no fault of ours
  return written.stderr;
}

export const sets = (fields: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(fields).flatMap(([path, value]) => ['--set', `${path}=${value}`]);

/** A policy and a Nursery that take about a second, from scratch. */
export const TINY = {
  'policy.checkpoint': 'scratch',
  'policy.model.vocab_size': 512,
  'policy.model.hidden_size': 32,
  'policy.model.num_hidden_layers': 1,
  'policy.model.intermediate_size': 32,
  'eval.every': 0,
};

export const TINY_NURSERY = { ...TINY, 'data.train_tasks': 24, 'data.train_schemas': 12 };

export const TINY_GRPO = {
  'grpo.num_updates': 2,
  'grpo.prompts_per_update': 2,
  'grpo.num_generations': 2,
  'grpo.mini_batches': 1,
  'grpo.max_completion_length': 8,
};
