/**
 * Advantages for people who train elsewhere: JSON lines in, JSON lines out.
 *
 * In: `{"group": [{"outcome": R, "steps"?: [r…], "lengths"?: [n…], "anchors"?: [text…], "entropies"?: [H…]}, …]}`:
 * all episodes of one question; `outcome` null when missing, `steps` their process rewards (or values), `lengths`
 * the tokens of each step (default 1), `anchors` what had been shown before each, `entropies` the mean entropy
 * of its tokens in nats.
 * Out: `{"advantages": [[…], …]}`, one number a step; an episode without steps counts as one step.
 */
import { asList, asRecord, field } from '../data/fields.ts';
import { badInput } from '../errors.ts';
import type { CreditEpisode, CreditFunction } from './credit.ts';

function asNumber(value: unknown, at: string): number {
  if (typeof value !== 'number') throw badInput(at, value ?? null, 'a number');
  return value;
}

function asLength(value: unknown, at: string): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 1_000_000) {
    throw badInput(at, value ?? null, 'a number of tokens, 1 to 1000000');
  }
  return value as number;
}

/** A list with an entry for each step, or undefined. */
function perStep<T>(
  value: unknown,
  at: string,
  count: number,
  what: string,
  read: (value: unknown, at: string) => T,
): T[] | undefined {
  if (value === undefined || value === null) return undefined;
  const list = asList(value, at, what).map((each, i) => read(each, `${at}[${i}]`));
  if (list.length !== count) throw badInput(at, list, `${count} ${what}, one a step`);
  return list;
}

function asAnchor(value: unknown, at: string): string {
  if (typeof value !== 'string') throw badInput(at, value ?? null, 'a string');
  return value;
}

function readEpisode(value: unknown, at: string): CreditEpisode {
  const record = asRecord({ value, at });
  const outcome = field(record, 'outcome');
  const rewards = asList(field(record, 'steps') ?? [], `${at}.steps`, 'rewards').map((reward, i) =>
    asNumber(reward, `${at}.steps[${i}]`),
  );
  const count = Math.max(1, rewards.length);
  const listed = (key: string): [unknown, string, number] => [
    field(record, key),
    `${at}.${key}`,
    count,
  ];
  const lengths =
    perStep(...listed('lengths'), 'numbers', asLength) ?? new Array<number>(count).fill(1);
  const anchors = perStep(...listed('anchors'), 'texts', asAnchor);
  const entropies = perStep(...listed('entropies'), 'numbers', asNumber);
  let end = 0;
  const steps = lengths.map((length) => ({ start: end, end: (end += length) }));
  return {
    outcome: outcome === null ? NaN : asNumber(outcome, `${at}.outcome`),
    rewards,
    steps,
    mask: new Uint8Array(end).fill(1),
    ...(anchors && { anchors }),
    ...(entropies && { entropies }),
  };
}

/** One line of input. Throws `bad_input` naming the line and the field. */
export function readCreditLine(value: unknown, at: string): CreditEpisode[] {
  const group = asList(field(asRecord({ value, at }), 'group') ?? null, `${at}.group`, 'episodes');
  if (group.length === 0) throw badInput(`${at}.group`, group, 'at least one episode');
  return group.map((episode, i) => readEpisode(episode, `${at}.group[${i}]`));
}

/** All lines are one batch: what a method normalises over the batch, it does over all of them. */
export function creditLines(
  groups: readonly CreditEpisode[][],
  credit: CreditFunction,
): { advantages: number[][] }[] {
  return credit(groups).map((group) => ({ advantages: group.map(({ steps }) => steps) }));
}
