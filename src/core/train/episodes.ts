/** From questions to executed episodes: sampling, the protocol between turns, SQL. */
import type { Schema, Task } from '../data/task.ts';
import type { Episode, Step } from '../episode/episode.ts';
import type { Completion, EndedTurn } from '../model/sample.ts';
import { supervise, type RewardMethod } from '../reward/index.ts';
import type { QueryRequest } from '../sql/outcome.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { SampleRequest, Written } from './compute.ts';
import type { RunContext } from './context.ts';

export type EpisodeContext = Pick<
  RunContext,
  'tokenizer' | 'prompts' | 'databases' | 'sql' | 'compute'
>;

/** What answers are compared with; null where nobody knows the right one. */
type Judge = Pick<RewardMethod, 'supervision'> | null;

/** How an episode begins: nothing yet, or whole turns with what was shown after them. */
export type Opening = Pick<
  Episode,
  'task' | 'tokens' | 'mask' | 'logProbs' | 'entropies' | 'steps'
>;

/** Where an episode of the task begins. */
export const emptyOpening = (task: Task): Opening => ({
  ...{ task, tokens: new Int32Array(0), mask: new Uint8Array(0), steps: [] },
  ...{ logProbs: new Float32Array(0), entropies: new Float32Array(0) },
});

/** An episode being written. */
interface Draft {
  task: Task;
  schema: Schema;
  steps: Step[];
  /** Tokens accounted for, the opening's included: turns, and what was shown after them. */
  read: number;
  opening: Opening;
  /** What was shown after the last turn, where nothing is to be written after it. */
  shown: Int32Array;
}

const newDraft = (opening: Opening, schema: Schema): Draft => ({
  ...{ task: opening.task, schema, steps: opening.steps.map((step) => ({ ...step })) },
  ...{ read: opening.tokens.length, opening, shown: new Int32Array(0) },
});

/** An embedding may have more rows than the tokenizer has tokens: those write nothing, as in transformers. */
const textOf = (tokens: Int32Array, tokenizer: Tokenizer): string =>
  tokenizer.decode(tokens.filter((id) => id < tokenizer.vocabSize));

/** How many of the tokens it takes to write the first `length` characters. */
function tokensFor(length: number, tokens: Int32Array, tokenizer: Tokenizer): number {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (textOf(tokens.subarray(0, middle), tokenizer).length >= length) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Reads a turn's tokens as a step of the draft; nothing has run yet. */
function takeTurn(
  { tokenizer, prompts: { protocol } }: EpisodeContext,
  draft: Draft,
  tokens: Int32Array,
  terminated: boolean,
): Step {
  const start = draft.read;
  const own = terminated ? tokens.subarray(0, -1) : tokens;
  const text = textOf(own, tokenizer);
  const { thoughtLength, ...turn } = protocol.read(text, draft);
  const step: Step = { ...turn, start, end: start + tokens.length, text };
  if (thoughtLength) step.thoughtEnd = start + tokensFor(thoughtLength, own, tokenizer);
  draft.read = step.end;
  draft.steps.push(step);
  return step;
}

/** Runs the SQL of steps, and compares answers with what the task is judged by. */
async function runSteps(
  { databases, sql }: Pick<EpisodeContext, 'databases' | 'sql'>,
  steps: readonly { task: Task; step: Step }[],
  judge: Judge,
  withVariants: boolean,
): Promise<void> {
  const running = steps.filter(({ step }) => step.sql !== undefined && !step.outcome);
  if (running.length === 0) return;
  const requests = await Promise.all(
    running.map(async ({ task, step }): Promise<QueryRequest> => {
      const request = { database: await databases.of(task.db_id), sql: step.sql! };
      if (step.kind !== 'answer') return request;
      const variants = withVariants ? await databases.variants(task.db_id) : [];
      const known = judge && supervise(judge, task);
      return { ...request, ...known, ...(variants.length > 0 && { variants }) };
    }),
  );
  const results = await sql.execute(requests);
  running.forEach(({ step }, i) => {
    const { outcome, comparison, elapsedMs } = results[i]!;
    Object.assign(step, { outcome, elapsedMs, ...(comparison && { comparison }) });
  });
}

function finish({ task, steps, opening, shown }: Draft, completion: Completion): Episode {
  const { terminated } = completion;
  const nothing = new Float32Array(shown.length);
  const text = steps.map((step) => step.text + (step.observation ?? '')).join('');
  return {
    ...{ task, terminated, text, steps },
    tokens: Int32Array.from([...opening.tokens, ...completion.tokens, ...shown]),
    mask: Uint8Array.from([...opening.mask, ...completion.mask, ...nothing]),
    logProbs: Float32Array.from([...opening.logProbs, ...completion.logProbs, ...nothing]),
    entropies: Float32Array.from([...opening.entropies, ...completion.entropies, ...nothing]),
  };
}

/** `request.num_generations` episodes of each task, executed. */
export function sampleEpisodes(
  context: EpisodeContext,
  tasks: readonly Task[],
  judge: Judge,
  request: SampleRequest,
  withVariants = false,
): Promise<Episode[][]> {
  return goOn(context, tasks.map(emptyOpening), judge, request, { withVariants });
}

export interface GoOnOptions {
  withVariants?: boolean;
  /** Turns to write; by default as many as the protocol allows. */
  turns?: number;
}

/**
 * Episodes that go on from openings, `request.num_generations` from each; its `max_completion_length` is that
 * of whole episodes. In protocols of one turn the SQL of a task runs while others are still being written; in
 * those of several, between turns.
 */
export async function goOn(
  context: EpisodeContext,
  openings: readonly Opening[],
  judge: Judge,
  request: SampleRequest,
  { withVariants = false, turns = Infinity }: GoOnOptions = {},
): Promise<Episode[][]> {
  const { prompts, compute } = context;
  const drafts = openings.map((opening) =>
    Array.from({ length: request.num_generations }, () =>
      newDraft(opening, prompts.schemaOf(opening.task)),
    ),
  );
  const tokens = openings.map((opening) => {
    const prompt = prompts.of(opening.task);
    return opening.tokens.length > 0 ? Int32Array.from([...prompt, ...opening.tokens]) : prompt;
  });
  const run = (steps: { task: Task; step: Step }[]): Promise<void> =>
    runSteps(context, steps, judge, withVariants);
  if (prompts.protocol.maxTurns === 1) {
    const running: Promise<void>[] = [];
    const onGroup = (i: number, written: Written[]): void => {
      const steps = written.map(({ tokens, terminated }, s) => ({
        task: openings[i]!.task,
        step: takeTurn(context, drafts[i]![s]!, tokens, terminated),
      }));
      running[i] = run(steps);
      running[i].catch(() => undefined); // awaited below, unless sampling fails first
    };
    const completions = await compute.sample(tokens, request, { onGroup });
    await Promise.all(running);
    return drafts.map((group, i) => group.map((draft, s) => finish(draft, completions[i]![s]!)));
  }
  const limit = request.max_completion_length;
  const environment = async (ended: readonly EndedTurn[]): Promise<(Int32Array | null)[]> => {
    const running: { draft: Draft; task: Task; step: Step }[] = [];
    const taken = ended.map(({ prompt, sample, tokens }) => {
      const draft = drafts[prompt]![sample]!;
      // Longer than its own limit, while samples with shorter openings still have room.
      if (draft.read + tokens.length > limit) return undefined;
      const one = { draft, task: draft.task, step: takeTurn(context, draft, tokens, true) };
      running.push(one);
      return one;
    });
    await run(running);
    return taken.map((one) => {
      if (!one) return null;
      const { draft, step } = one;
      const answer = answerTurn(context, draft, step);
      if (!answer || draft.steps.length - draft.opening.steps.length < turns) return answer;
      draft.shown = answer;
      return null;
    });
  };
  const room = Math.max(0, ...openings.map((opening) => limit - opening.tokens.length));
  const completions = await compute.sample(
    tokens,
    { ...request, max_completion_length: Math.max(1, room) },
    { environment },
  );
  return drafts.map((group, i) =>
    group.map((draft, s) => {
      const completion = completions[i]![s]!;
      const rest = completion.tokens.subarray(draft.read - draft.opening.tokens.length);
      if (rest.length > 0) unfinishedTurn(context, draft, rest);
      return finish(draft, completion);
    }),
  );
}

/** What the policy reads after a step; null when the episode is over. */
function answerTurn(
  { tokenizer, prompts: { protocol } }: EpisodeContext,
  draft: Draft,
  step: Step,
): Int32Array | null {
  const left = protocol.maxTurns - draft.steps.length;
  if (step.kind === 'answer' || left <= 0) return null;
  const observation = protocol.observe(draft, left);
  const tokens = tokenizer.encode(observation);
  step.observation = observation;
  draft.read += tokens.length;
  return tokens;
}

/** A turn that the length limit cut off asks for nothing. */
function unfinishedTurn({ tokenizer }: EpisodeContext, draft: Draft, rest: Int32Array): void {
  draft.steps.push({
    ...{ kind: 'call', call: { tool: '', args: [] }, text: textOf(rest, tokenizer) },
    ...{ start: draft.read, end: draft.read + rest.length },
  });
}

/** What a task gets whose prompt leaves the policy no room to write: an empty answer, which counts as wrong. */
export async function emptyEpisode(
  context: EpisodeContext,
  task: Task,
  judge: Judge,
): Promise<Episode> {
  const draft = newDraft(emptyOpening(task), context.prompts.schemaOf(task));
  const step: Step = { kind: 'answer', start: 0, end: 0, text: '', sql: '' };
  draft.steps.push(step);
  await runSteps(context, [{ task, step }], judge, false);
  return finish(draft, {
    ...{ tokens: new Int32Array(0), mask: new Uint8Array(0), terminated: false },
    ...{ logProbs: new Float32Array(0), entropies: new Float32Array(0) },
  });
}
