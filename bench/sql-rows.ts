/** Speeds around SQL as a table of their own: what a second is enough for, ours beside a rival's. */
import { textTable } from '../src/node/commands/table.ts';
import { MISSING, rate } from './table/format.ts';

export interface SqlRow {
  what: string;
  /** Per second. */
  ours: number;
  rival: string;
  /** Undefined where the rival did not take part. */
  theirs: number | undefined;
}

const HEADS = ['a second is enough for', 'ours', 'rival', 'theirs (ours over theirs)'];

const cells = (rows: readonly SqlRow[]): string[][] =>
  rows.map(({ what, ours, rival, theirs }) => [
    ...[what, rate(ours), rival],
    theirs === undefined ? MISSING : `${rate(theirs)} (${(ours / theirs).toFixed(2)}×)`,
  ]);

export const sqlText = (rows: readonly SqlRow[]): string =>
  textTable([HEADS, ...cells(rows)], 'left');

export const sqlMarkdown = (rows: readonly SqlRow[]): string =>
  [HEADS, ['---', '--:', '---', '--:'], ...cells(rows)]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
