/** Options that the commands for data from elsewhere share. */
import { InvalidArgumentError, Option } from 'commander';
import { BACKENDS } from '../backend.ts';
import { MOST_WORKERS } from '../replicas.ts';

/** `--set key=value` of a single method, as often as wanted. */
export const methodSetOption = (example: string): Option =>
  new Option('--set <key=value>', `an option of the method, for example ${example} (repeat)`)
    .argParser((value: string, all: string[]) => [...all, value])
    .default([], 'none');

export const backendOption = (): Option =>
  new Option('--backend <name>', 'where tensors live').choices(BACKENDS).default('auto');

/** For `startNodeBackend`; commands that compute take it. */
export const plainOption = (): Option =>
  new Option(
    '--plain',
    "compute in TensorFlow.js's own operations, without our kernels: a check, slower and with other last bits",
  );

export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= low && value <= high)
      return value;
    throw new InvalidArgumentError(`expected a whole number from ${low} to ${high}`);
  };
}

/** Undefined when not given. */
export const workersOption = (): Option =>
  new Option(
    '--workers <n>',
    'threads that compute, wasm only; the result is the same (default: one per core, 4 at most)',
  ).argParser(wholeNumber(1, MOST_WORKERS));

export const timeoutOption = (initial: number): Option =>
  new Option('--timeout <ms>', 'time limit of one query')
    .argParser(wholeNumber(1, 3_600_000))
    .default(initial);

export const runsOption = (): Option =>
  new Option('--runs <n>', 'ves: runs of each query')
    .argParser(wholeNumber(1, 100_000))
    .default(100);
