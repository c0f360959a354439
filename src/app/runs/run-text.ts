/** What the list of runs says: times, room, names of files. */
import type { RunSummary } from '../../../workers/protocol.ts';
import { bytes, percent } from '../ui/format.ts';

export interface StorageUse {
  /** Bytes. */
  used: number;
  quota: number;
  /** Whether the browser promised not to clear it when room gets short. */
  kept: boolean;
}

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, seconds: number])[] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

const relative = new Intl.RelativeTimeFormat('en-GB', { numeric: 'auto' });

/** `just now`, `5 minutes ago`, `yesterday`; a date when it is more than four weeks. Times in ms. */
export function ago(time: number, now: number): string {
  const seconds = (now - time) / 1000;
  if (seconds < 60) return 'just now'; // also a clock that was set back
  const [unit, size] = UNITS.find(([, each]) => seconds >= each)!;
  const units = Math.floor(seconds / size);
  if (unit === 'day' && units > 28) return dateOf(time);
  return relative.format(-units, unit);
}

/** As YYYY-MM-DD. */
const dateOf = (time: number): string => {
  const date = new Date(time);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
};

/** To the minute, for a tooltip. */
export const moment = (time: number): string =>
  `${dateOf(time)} ${new Date(time).toTimeString().slice(0, 5)}`;

/** `1.2 MB of 2.1 GB used; …` */
export function storageText({ used, quota, kept }: StorageUse): string {
  const promise = kept
    ? 'The browser keeps it until you delete it.'
    : 'The browser may clear it when room gets short: keep run files of what matters.';
  return `${bytes(used)} of ${bytes(quota)} used. ${promise}`;
}

export const progressText = ({ done, updates }: RunSummary): string =>
  done >= updates ? `${updates} updates, finished` : `${done} of ${updates} updates`;

export const exText = ({ ex }: RunSummary): string => (ex === null ? '' : `EX ${percent(ex)}`);
