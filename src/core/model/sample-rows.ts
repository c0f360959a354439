/** Samples while they are being written: tokens so far, turns that end and what is answered to them. */
import type { SampleOptions } from './sample.ts';

/** A turn that a sample has just ended. */
export interface EndedTurn {
  prompt: number;
  sample: number;
  /** Place of the turn's first token in the completion. */
  start: number;
  /** Tokens of the turn, the end-of-sequence token included. */
  tokens: Int32Array;
}

/** What each sample reads before it writes its next turn; null ends it. */
export type Environment = (turns: readonly EndedTurn[]) => Promise<(Int32Array | null)[]>;

/** A sample being written. */
export interface Row {
  prompt: number;
  sample: number;
  tokens: number[];
  logProbs: number[];
  entropies: number[];
  terminated: boolean;
  /** At the length limit in an answer it cannot read: over, but not terminated. */
  cut: boolean;
  mask: number[];
  /** Of the answer, what is still to be read. */
  unread: number[];
  /** Where the turn being written starts. */
  turnStart: number;
}

export const newRow = (prompt: number, sample: number): Row => ({
  ...{ prompt, sample, tokens: [], logProbs: [], entropies: [], mask: [], unread: [] },
  ...{ terminated: false, cut: false, turnStart: 0 },
});

/** Writes no more. */
export const over = ({ terminated, cut }: Row): boolean => terminated || cut;

/** Tells of groups as they end. */
export class UnfinishedGroups {
  #groups: Row[][];
  readonly #onGroup: SampleOptions['onGroup'];

  constructor(rows: readonly Row[], onGroup: SampleOptions['onGroup']) {
    this.#onGroup = onGroup;
    this.#groups = [];
    if (onGroup) for (const row of rows) (this.#groups[row.prompt] ??= []).push(row);
  }

  /** @param all whatever is written so far is all there will be */
  tell(all: boolean): void {
    this.#groups = this.#groups.filter((group) => {
      if (!all && !group.every(over)) return true;
      const written = group.map(({ tokens, terminated }) => ({
        tokens: Int32Array.from(tokens),
        terminated,
      }));
      this.#onGroup!(group[0]!.prompt, written);
      return false;
    });
  }
}

/** Ends turns that wrote the end-of-sequence token: each goes on with what it is answered, or is over. */
export async function answerTurns(
  rows: readonly Row[],
  { eos_token_id, max_completion_length }: SampleOptions,
  environment: Environment,
): Promise<void> {
  const ended = rows.filter(
    (row) =>
      !over(row) &&
      row.unread.length === 0 &&
      row.mask.at(-1) === 1 &&
      row.tokens.at(-1) === eos_token_id,
  );
  if (ended.length === 0) return;
  const answers = await environment(
    ended.map(({ prompt, sample, turnStart, tokens }) => ({
      ...{ prompt, sample, start: turnStart },
      tokens: Int32Array.from(tokens.slice(turnStart)),
    })),
  );
  ended.forEach((row, i) => {
    const answer = answers[i]!;
    row.turnStart = row.tokens.length + (answer?.length ?? 0);
    if (answer === null) row.terminated = true;
    // An answer that leaves no room to write is not worth reading.
    else if (row.turnStart >= max_completion_length) row.cut = true;
    else row.unread = Array.from(answer);
  });
}

/** The next token of the answer the row is reading, undefined when it is to write. */
export function readOn(row: Row): number | undefined {
  const token = row.unread.shift();
  if (token === undefined) return undefined;
  row.tokens.push(token);
  row.mask.push(0);
  row.logProbs.push(0);
  return token;
}

export function write(row: Row, token: number, logProb: number, options: SampleOptions): void {
  row.tokens.push(token);
  row.mask.push(1);
  row.logProbs.push(logProb);
  if (token === options.eos_token_id && !options.environment) row.terminated = true;
}
