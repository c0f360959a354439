/**
 * The run loop: one async generator of events over injected ports, the same in a tab and in Node.
 * Whoever pulls decides the pace: not pulling is pausing, pulling to the next `update` is one step,
 * `return()` stops at once. A stop that leaves a checkpoint is asked for through `stop`.
 */
import { tf } from '#tfjs';
import { badInput, StepSqlError } from '../errors.ts';
import { loadPolicy, savePolicy } from '../model/checkpoint.ts';
import type { Policy } from '../model/policy.ts';
import { readSafetensors, writeSafetensors } from '../model/safetensors.ts';
import { FingerprintChain, parseFingerprint, type Fingerprint } from '../recipe/fingerprint.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { SqlService } from '../sql/outcome.ts';
import type { TimeoutEntry } from '../sql/timeout-log.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { DatabaseHashes, Prompts, type RunContext, type RunData } from './context.ts';
import { episodeLines } from './episode-log.ts';
import { evaluateGreedy } from './evaluation.ts';
import { grpoLearner } from './grpo.ts';
import type { Learner } from './learner.ts';
import { Optimizer } from './optimizer.ts';
import { rejectionSftLearner } from './rejection-sft.ts';
import type { Group } from './rollout.ts';
import type { Checkpoint, CheckpointFiles, RunStore } from './run-store.ts';
import { sftLearner, type Corpus } from './sft.ts';

export interface RunPorts {
  sql: SqlService;
  store: RunStore;
  /** Milliseconds, for durations only. */
  clock: () => number;
  /** Name of the tfjs backend, for the fingerprint. */
  backend: string;
  /** Aborted: finish the update, save a checkpoint, end. */
  stop?: AbortSignal;
}

export interface RunInputs {
  recipe: Recipe;
  data: RunData;
  /** Where the policy starts. The run owns it from here on. */
  policy: Policy;
  tokenizer: Tokenizer;
  /** What SFT imitates instead of the tasks' gold SQL. */
  corpus?: Corpus;
}

export type RunEvent =
  | { type: 'start'; updates: number; done: number; tasks: number; left_out: number }
  | { type: 'update'; update: number; metrics: Record<string, number>; groups: readonly Group[] }
  | { type: 'evaluation'; update: number; split: string; metrics: Record<string, number> }
  | { type: 'checkpoint'; update: number }
  | { type: 'end'; update: number; finished: boolean; fingerprint: Fingerprint };

/** Groups of each update that go into episodes.jsonl. */
const LOGGED_GROUPS = 2;
const EVALUATION_BATCH = 128;

export async function* train(inputs: RunInputs, ports: RunPorts): AsyncGenerator<RunEvent, void> {
  const { recipe, tokenizer } = inputs;
  const { store, sql, clock } = ports;
  await store.writeRecipe(recipe);
  const checkpoint = await store.resume();
  const reference = recipe.method === 'grpo' && recipe.grpo.beta > 0 ? inputs.policy.clone() : null;
  const policy = checkpoint ? replace(inputs.policy, checkpoint) : inputs.policy;
  const optimizer = new Optimizer(policy, recipe.optimizer);
  const state = checkpoint ? restore(checkpoint, optimizer, sql) : undefined;
  const chain = new FingerprintChain(ports.backend, state?.fingerprint);
  const prompts = new Prompts(tokenizer, inputs.data.databases, recipe.prompt);
  const all = inputs.data.splits.get('train') ?? [];
  const tasks = all.filter((task) => prompts.of(task).length <= recipe.prompt.max_prompt_length);
  if (tasks.length === 0) {
    throw badInput(
      'prompt.max_prompt_length',
      recipe.prompt.max_prompt_length,
      `at least as many tokens as the shortest of the ${all.length} training prompts`,
    );
  }
  const databases = new DatabaseHashes(sql, inputs.data.databases);
  const context: RunContext = {
    ...{ recipe, policy, tokenizer, optimizer, data: inputs.data, tasks, prompts, databases, sql },
  };
  const learner = makeLearner(context, reference, inputs.corpus);
  let done = checkpoint?.step ?? 0;
  let timeouts = sql.timeouts?.entries().length ?? 0;
  const save = async (): Promise<void> => {
    const files = checkpointFiles(policy, tokenizer, optimizer, {
      step: done,
      fingerprint: chain.toJSON(),
      timeouts: sql.timeouts?.entries() ?? [],
    });
    await store.saveCheckpoint(done, files);
  };
  try {
    const { updates } = learner;
    yield {
      type: 'start',
      updates,
      done,
      tasks: tasks.length,
      left_out: all.length - tasks.length,
    };
    if (done === 0 && recipe.eval.every > 0) yield await evaluate(context, 0, store);
    let saved = done;
    while (done < updates && !ports.stop?.aborted) {
      const started = clock();
      const { metrics, groups } = await learner.update(done + 1);
      done++;
      const recorded = sql.timeouts?.entries().length ?? 0;
      chain.addTimeouts(recorded - timeouts);
      timeouts = recorded;
      const episodes = groups.flatMap((group) => group.episodes);
      const rewards = groups.flatMap((group) => group.rewards);
      chain.add({
        tokens: episodes.map((episode) => episode.tokens),
        rewards: Float32Array.from(rewards, ({ total }) => total),
        weights: [policy.weights()],
      });
      const timed = { ...metrics, step_time: (clock() - started) / 1000 };
      await store.appendMetrics({ step: done, ...timed });
      await store.appendEpisodes(episodeLines(done, groups.slice(0, LOGGED_GROUPS)));
      yield { type: 'update', update: done, metrics: timed, groups };
      if (recipe.eval.every > 0 && done % recipe.eval.every === 0) {
        yield await evaluate(context, done, store);
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
  } finally {
    learner.dispose();
    optimizer.dispose();
    policy.dispose();
  }
}

function makeLearner(context: RunContext, reference: Policy | null, corpus?: Corpus): Learner {
  switch (context.recipe.method) {
    case 'sft':
      return sftLearner(context, corpus);
    case 'grpo':
      return grpoLearner(context, reference);
    case 'rejection_sft':
      return rejectionSftLearner(context);
  }
}

async function evaluate(
  context: RunContext,
  update: number,
  store: RunStore,
): Promise<Extract<RunEvent, { type: 'evaluation' }>> {
  const { split, tasks: count } = context.recipe.eval;
  const tasks = context.data.splits.get(split)?.slice(0, count) ?? [];
  const { all } = await evaluateGreedy(context, tasks, {
    max_completion_length: maxCompletionLength(context.recipe),
    batch_size: EVALUATION_BATCH,
    test_suite: false,
  });
  const metrics = {
    'eval/ex': all.ex,
    'eval/error': all.error_rate,
    'eval/empty': all.empty_rate,
    'eval/over_broad': all.over_broad_rate,
  };
  await store.appendMetrics({ step: update, ...metrics });
  return { type: 'evaluation', update, split, metrics };
}

/** The longest completion a recipe allows, in tokens. */
export function maxCompletionLength(recipe: Recipe): number {
  if (recipe.method === 'grpo') return recipe.grpo.max_completion_length;
  if (recipe.method === 'rejection_sft') return recipe.rejection_sft.max_completion_length;
  return 96;
}

interface TrainerState {
  step: number;
  fingerprint: Fingerprint;
  timeouts: TimeoutEntry[];
}

function checkpointFiles(
  policy: Policy,
  tokenizer: Tokenizer,
  optimizer: Optimizer,
  state: TrainerState,
): CheckpointFiles {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const { steps, tensors } = optimizer.state();
  return {
    ...savePolicy(policy),
    ...Object.fromEntries(
      Object.entries(tokenizer.files).map(([name, content]) => [name, text(content as string)]),
    ),
    'optimizer.safetensors': writeSafetensors(tensors, { steps: String(steps) }),
    'trainer_state.json': text(`${JSON.stringify({ ...state, optimizer_steps: steps })}\n`),
  };
}

function file(checkpoint: Checkpoint, name: string): Uint8Array {
  const bytes = checkpoint.files[name];
  if (bytes) return bytes;
  throw badInput(`checkpoint ${checkpoint.step}`, Object.keys(checkpoint.files).join(), name);
}

/** The checkpoint's policy instead of the start's, which is freed. */
function replace(start: Policy, checkpoint: Checkpoint): Policy {
  const policy = loadPolicy(checkpoint.files);
  start.dispose();
  return policy;
}

function restore(checkpoint: Checkpoint, optimizer: Optimizer, sql: RunPorts['sql']): TrainerState {
  const field = `checkpoint ${checkpoint.step}: trainer_state.json`;
  let state: TrainerState & { optimizer_steps: number };
  try {
    state = JSON.parse(new TextDecoder().decode(file(checkpoint, 'trainer_state.json'))) as never;
  } catch (error) {
    if (error instanceof StepSqlError) throw error;
    throw badInput(field, 'unreadable text', 'valid JSON');
  }
  if (!Number.isInteger(state.optimizer_steps)) {
    throw badInput(`${field}: optimizer_steps`, state.optimizer_steps, 'an integer');
  }
  const moments = readSafetensors(
    file(checkpoint, 'optimizer.safetensors'),
    'optimizer.safetensors',
  );
  tf.tidy(() => optimizer.restore(state.optimizer_steps, moments));
  sql.replay?.(state.timeouts);
  return { ...state, fingerprint: parseFingerprint(state.fingerprint, `${field}: fingerprint`) };
}
