/** Options that the commands for data from elsewhere share. */
import { InvalidArgumentError, Option } from 'commander';

/** `--set key=value` of a single method, as often as wanted. */
export const methodSetOption = (example: string): Option =>
  new Option('--set <key=value>', `an option of the method, for example ${example} (repeat)`)
    .argParser((value: string, all: string[]) => [...all, value])
    .default([], 'none');

export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= low && value <= high)
      return value;
    throw new InvalidArgumentError(`expected a whole number from ${low} to ${high}`);
  };
}

export const timeoutOption = (initial: number): Option =>
  new Option('--timeout <ms>', 'time limit of one query')
    .argParser(wholeNumber(1, 3_600_000))
    .default(initial);

export const runsOption = (): Option =>
  new Option('--runs <n>', 'ves: runs of each query')
    .argParser(wholeNumber(1, 100_000))
    .default(100);
