/**
 * The run loop: one async generator of events over injected ports, the same in a tab and in Node.
 * Whoever pulls decides the pace: not pulling is pausing, pulling to the next `update` is one step,
 * `return()` stops at once. A stop that leaves a checkpoint is asked for through `stop`.
 */
import type { Task } from '../data/task.ts';
import { badInput } from '../errors.ts';
import { loadPolicy } from '../model/checkpoint.ts';
import type { Policy } from '../model/policy.ts';
import { FingerprintChain, type Fingerprint } from '../recipe/fingerprint.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { RewardService } from '../reward/service.ts';
import type { SqlService } from '../sql/outcome.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { makeAnnotators } from './annotators.ts';
import { answerable } from './answerable.ts';
import { EVALUATION_BATCH, maxCompletionLength } from './batches.ts';
import { localCompute } from './compute.ts';
import { DatabaseHashes, Prompts, type RunContext, type RunData } from './context.ts';
import { Crew, type Replicas } from './crew.ts';
import { episodeLines } from './episode-log.ts';
import { evaluateGreedy } from './evaluation.ts';
import { checkBackend, checkSound, explained } from './failure.ts';
import { grpoLearner } from './grpo.ts';
import type { Learner } from './learner.ts';
import { named } from './metrics.ts';
import { Optimizer } from './optimizer.ts';
import { rejectionSftLearner } from './rejection-sft.ts';
import type { Group } from './rollout.ts';
import type { RunStore } from './run-store.ts';
import { sftLearner, type Corpus } from './sft.ts';
import type { PrmModel } from './prm/scorer.ts';
import { checkpointFiles, restore } from './trainer-state.ts';

export interface RunPorts {
  sql: SqlService;
  rewards: RewardService;
  store: RunStore;
  /** Milliseconds, for durations only. */
  clock: () => number;
  /** Name of the tfjs backend, for the fingerprint. */
  backend: string;
  /** Aborted: finish the update, save a checkpoint, end. */
  stop?: AbortSignal;
  /** Workers to share the computing; the results are the same without. */
  replicas?: Replicas;
}

export interface RunInputs {
  recipe: Recipe;
  data: RunData;
  /** Where the policy starts. The run owns it from here on. */
  policy: Policy;
  tokenizer: Tokenizer;
  /** What SFT imitates instead of the tasks' gold SQL. */
  corpus?: Corpus;
  /** Scores steps, where the recipe asks for a process reward model. The run owns it from here on. */
  processModel?: PrmModel;
  /** Verified thoughts that a memory begins with. */
  thoughts?: readonly { text: string; db_id: string }[];
}

export type RunEvent =
  | {
      type: 'start';
      updates: number;
      done: number;
      tasks: number;
      /** Training tasks whose prompt is too long. */
      left_out: number;
      /** Training tasks whose gold SQL returns nothing (`answerable`). */
      unanswerable: number;
      /** Of the updates done so far. */
      fingerprint: Fingerprint;
    }
  | {
      type: 'update';
      update: number;
      metrics: Record<string, number>;
      /** The update's entry of `Fingerprint.updates`. */
      digest: string;
      groups: readonly Group[];
    }
  | { type: 'evaluation'; update: number; split: string; metrics: Record<string, number> }
  | { type: 'checkpoint'; update: number }
  | { type: 'end'; update: number; finished: boolean; fingerprint: Fingerprint };

/** Gives back what a run has taken. */
type Release = () => void | Promise<void>;

type Evaluation = Extract<RunEvent, { type: 'evaluation' }>;

/** Groups of each update that go into episodes.jsonl. */
const LOGGED_GROUPS = 2;

/**
 * Nothing is written before the first update is done: a run that fails earlier leaves no trace. A store
 * that already holds the recipe is gone on with.
 */
export async function* train(inputs: RunInputs, ports: RunPorts): AsyncGenerator<RunEvent, void> {
  const releases: Release[] = [
    () => inputs.policy.dispose(),
    () => inputs.processModel?.policy.dispose(),
  ];
  try {
    yield* run(inputs, ports, (release) => releases.push(release));
  } catch (error) {
    throw explained(error, inputs);
  } finally {
    for (const release of releases.reverse()) await release();
  }
}

async function* run(
  inputs: RunInputs,
  ports: RunPorts,
  atEnd: (release: Release) => void,
): AsyncGenerator<RunEvent, void> {
  const { recipe, tokenizer } = inputs;
  const { store, sql, rewards, clock } = ports;
  let begun = (await store.readRecipe()) !== undefined;
  if (begun) await store.writeRecipe(recipe); // refuses another recipe
  const checkpoint = begun ? await store.resume() : undefined;
  const policy = checkpoint ? loadPolicy(checkpoint.files) : inputs.policy;
  if (checkpoint) atEnd(() => policy.dispose());
  const optimizer = new Optimizer(policy, recipe.optimizer);
  atEnd(() => optimizer.dispose());
  const state = checkpoint ? restore(checkpoint, optimizer, sql) : undefined;
  if (state && state.fingerprint.backend !== ports.backend) {
    const expected = `${state.fingerprint.backend}, on which this run began, or a new run`;
    throw badInput('backend', ports.backend, expected);
  }
  const chain = new FingerprintChain(ports.backend, state?.fingerprint);
  const prompts = new Prompts(tokenizer, inputs.data.databases, recipe);
  const databases = new DatabaseHashes(sql, inputs.data.databases);
  const all = inputs.data.splits.get('train') ?? [];
  const fitting = fittingTasks(all, prompts, recipe, policy);
  const tasks = recipe.data.kind === 'files' ? await answerable(fitting, databases, sql) : fitting;
  if (tasks.length === 0) {
    throw badInput('data', `${fitting.length} questions`, 'one whose gold SQL returns rows');
  }
  // The reference is where the run began, after a resume too.
  const reference = recipe.method === 'grpo' && recipe.grpo.beta > 0 ? inputs.policy.clone() : null;
  if (reference) atEnd(() => reference.dispose());
  const { replicas } = ports;
  const compute = replicas
    ? new Crew({ ...replicas, policy, reference, steps: () => optimizer.steps, now: clock })
    : localCompute(policy, reference);
  atEnd(() => compute.close());
  const parts = {
    ...{ recipe, policy, tokenizer, optimizer, compute, data: inputs.data, tasks, prompts },
    ...{ databases, sql, rewards },
  };
  const { processModel, thoughts } = inputs;
  const annotators = await makeAnnotators(parts, { start: inputs.policy, processModel, thoughts });
  for (const annotator of annotators) {
    atEnd(() => annotator.dispose?.());
    if (checkpoint) annotator.restore?.(checkpoint.files);
  }
  if (checkpoint) inputs.policy.dispose();
  const context: RunContext = { ...parts, annotators };
  const learner = makeLearner(context, inputs.corpus);
  let done = checkpoint?.step ?? 0;
  let timeouts = state?.fingerprint.timeouts ?? 0;
  const save = async (): Promise<void> => {
    const files = await checkpointFiles(policy, tokenizer, optimizer, {
      step: done,
      fingerprint: chain.toJSON(),
      timeouts: sql.timeouts?.entries() ?? [],
    });
    for (const annotator of annotators) Object.assign(files, annotator.save?.());
    checkBackend();
    await store.saveCheckpoint(done, files);
  };
  const { updates } = learner;
  yield {
    type: 'start',
    updates,
    done,
    tasks: tasks.length,
    left_out: all.length - fitting.length,
    unanswerable: fitting.length - tasks.length,
    fingerprint: chain.toJSON(),
  };
  let before: Evaluation | undefined;
  if (done === 0 && recipe.eval.every > 0) {
    before = await evaluate(context, 0);
    yield before;
  }
  let saved = done;
  while (done < updates && !ports.stop?.aborted) {
    const started = clock();
    const { metrics, groups } = await learner.update(done + 1);
    done++;
    const weights = await policy.weights();
    checkSound(done, metrics, weights);
    const recorded = sql.timeouts?.entries().length ?? 0;
    chain.addTimeouts(recorded - timeouts);
    timeouts = recorded;
    const episodes = groups.flatMap((group) => group.episodes);
    const earned = groups.flatMap((group) => group.rewards);
    const digest = await chain.add({
      tokens: episodes.map((episode) => episode.tokens),
      rewards: Float32Array.from(earned, ({ total }) => total),
      weights: [weights],
    });
    if (!begun) await store.writeRecipe(recipe);
    begun = true;
    if (before) await logEvaluation(store, before);
    before = undefined;
    const timed = { ...metrics, step_time: (clock() - started) / 1000 };
    await store.appendMetrics({ step: done, ...timed });
    await store.appendEpisodes(episodeLines(done, groups.slice(0, LOGGED_GROUPS)));
    yield { type: 'update', update: done, metrics: timed, digest, groups };
    if (recipe.eval.every > 0 && done % recipe.eval.every === 0) {
      const evaluation = await evaluate(context, done);
      await logEvaluation(store, evaluation);
      yield evaluation;
    }
    if (done % recipe.checkpoint_every === 0 || done === updates) {
      await save();
      saved = done;
      yield { type: 'checkpoint', update: done };
    }
  }
  if (saved < done) {
    await save();
    yield { type: 'checkpoint', update: done };
  }
  yield { type: 'end', update: done, finished: done >= updates, fingerprint: chain.toJSON() };
}

function makeLearner(context: RunContext, corpus?: Corpus): Learner {
  switch (context.recipe.method) {
    case 'sft':
      return sftLearner(context, corpus);
    case 'grpo':
      return grpoLearner(context);
    case 'rejection_sft':
      return rejectionSftLearner(context);
  }
}

/** The tasks whose prompt is short enough for the recipe, and leaves the policy room to answer. */
function fittingTasks(
  tasks: readonly Task[],
  prompts: Prompts,
  recipe: Recipe,
  policy: Policy,
): Task[] {
  const room = policy.config.max_position_embeddings - maxCompletionLength(recipe);
  const limit = Math.min(recipe.prompt.max_prompt_length, room);
  const fitting = tasks.filter((task) => prompts.of(task).length <= limit);
  if (fitting.length === 0) {
    const field = limit === room ? 'max_position_embeddings' : 'prompt.max_prompt_length';
    const shortest = Math.min(...tasks.map((task) => prompts.of(task).length));
    throw badInput(
      field,
      limit === room ? policy.config.max_position_embeddings : limit,
      `room for the shortest of ${tasks.length} training prompts, ${shortest} tokens`,
    );
  }
  return fitting;
}

const logEvaluation = (store: RunStore, { update, metrics }: Evaluation): Promise<void> =>
  store.appendMetrics({ step: update, ...metrics });

async function evaluate(context: RunContext, update: number): Promise<Evaluation> {
  const { split, tasks: count } = context.recipe.eval;
  const tasks = context.data.splits.get(split)?.slice(0, count) ?? [];
  const { all, tools } = await evaluateGreedy(context, tasks, {
    max_completion_length: maxCompletionLength(context.recipe),
    batch_size: EVALUATION_BATCH,
    test_suite: false,
  });
  const metrics = {
    'eval/ex': all.ex,
    'eval/error': all.error_rate,
    'eval/empty': all.empty_rate,
    'eval/over_broad': all.over_broad_rate,
    ...named('eval/tools/', tools),
  };
  checkBackend();
  return { type: 'evaluation', update, split, metrics };
}
