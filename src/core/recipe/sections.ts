/** The parts of a recipe that every method shares. Seeds fit 32 bits, as `random/stream.ts` needs. */
import * as v from 'valibot';
import { credits } from '../credit/index.ts';
import { turnOptions } from '../episode/index.ts';
import { WORLDS } from '../data/nursery/world.ts';
import type { OptionsSchema } from '../options.ts';
import { rewards } from '../reward/index.ts';
import { choice, flag, hashOrNull, integer, multiple, number, text } from './controls.ts';

export const seed = (initial: number, description: string) =>
  integer(initial, { min: 0, max: 0xffffffff }, description);

const share = (initial: number, level: string) =>
  number(initial, { min: 0, max: 100, step: 1 }, `Share of ${level} training questions (Spider)`);

const nursery = v.strictObject({
  kind: v.literal('nursery'),
  version: integer(1, { min: 1, max: 1 }, 'Version of the generator'),
  world: choice(
    WORLDS,
    'plain',
    'Questions: single queries (plain), two to four CTEs (steps), or single queries with names and ' +
      'spellings that only tools tell (hidden)',
  ),
  seed: seed(0, 'Seed of the generated databases and questions'),
  sha256: hashOrNull('Content hash of the generated data; null until a run has made it'),
  train_tasks: integer(4000, { min: 1, max: 1_000_000 }, 'Training questions to generate'),
  train_schemas: integer(360, { min: 1, max: 10_000 }, 'Schema variants the questions are about'),
  levels: v.optional(
    v.pipe(
      v.strictObject({
        easy: share(25, 'easy'),
        medium: share(35, 'medium'),
        hard: share(22, 'hard'),
        extra: share(18, 'extra'),
      }),
      v.check(
        (shares) => Object.values(shares).some((each) => each > 0),
        'a share above 0 for at least one level',
      ),
    ),
    {},
  ),
});

const files = v.strictObject({
  kind: v.literal('files'),
  format: choice(['spider', 'bird', 'answers'], 'spider', 'Layout of the files'),
  sha256: hashOrNull('Content hash of the files; null until a run has read them'),
  split: text('train', /^[\w.-]{1,64}$/, 'the name of a split', 'Split to train on'),
});

export const data = v.optional(
  v.pipe(v.variant('kind', [nursery, files]), v.description('What to train on')),
  { kind: 'nursery' },
);

export const prompt = v.optional(
  v.strictObject({
    style: choice(
      ['compact', 'create_table'],
      'compact',
      'Schema in a compact form for small policies, or as CREATE TABLE for pretrained models',
    ),
    evidence: flag(true, "Give BIRD's external knowledge where a task has it"),
    sample_rows: integer(0, { min: 0, max: 10 }, 'Sample rows of each table in the prompt'),
    max_prompt_length: integer(
      512,
      { min: 16, max: 131_072 },
      'Tokens; tasks with a longer prompt are left out',
    ),
  }),
  {},
);

const model = v.pipe(
  v.strictObject({
    vocab_size: multiple(2048, { of: 4, min: 260, max: 300_000 }, 'Tokens of the byte-level BPE'),
    hidden_size: multiple(64, { of: 8, min: 8, max: 8192 }, 'Width of the residual stream'),
    num_hidden_layers: integer(2, { min: 1, max: 128 }, 'Transformer blocks'),
    num_attention_heads: integer(4, { min: 1, max: 128 }, 'Query heads'),
    num_key_value_heads: integer(2, { min: 1, max: 128 }, 'Key and value heads (GQA)'),
    intermediate_size: multiple(192, { of: 4, min: 8, max: 65_536 }, 'Width of the SwiGLU MLP'),
    rope_theta: number(10_000, { min: 1, max: 1e9 }, 'Base of the rotary embedding'),
    rms_norm_eps: number(1e-6, { min: 1e-12, max: 1e-2 }, 'Epsilon of RMSNorm'),
    tie_word_embeddings: flag(true, 'Share the embedding with the output projection'),
    attention_bias: flag(false, 'Biases of query, key and value, as in Qwen2'),
    max_position_embeddings: integer(1024, { min: 16, max: 262_144 }, 'Longest sequence, tokens'),
  }),
  v.forward(
    v.check(
      (m) => m.hidden_size % (8 * m.num_attention_heads) === 0,
      'a multiple of 8 × num_attention_heads',
    ),
    ['hidden_size'],
  ),
  v.forward(
    v.check(
      (m) => m.num_attention_heads % m.num_key_value_heads === 0,
      'a divisor of num_attention_heads',
    ),
    ['num_key_value_heads'],
  ),
);

export const policy = v.optional(
  v.strictObject({
    checkpoint: text(
      'warm',
      /^(warm(-[a-z]+)?(-\d{1,9})?|scratch|[0-9a-f]{64})$/,
      'warm, warm-<seed>, warm-<protocol>-<seed>, scratch or the SHA-256 of a checkpoint',
      'Where the policy starts: a warm start (warm is warm-0; other protocols than direct have theirs, ' +
        'such as warm-tools), new weights of shape `model`, or a ' +
        'checkpoint named by the SHA-256 of its model.safetensors',
    ),
    model: v.optional(model, {}),
  }),
  {},
);

/** `{name, options}` for each registered method: what `findReward(name).make(options)` takes. */
function registered(
  registry: Readonly<Record<string, { options: OptionsSchema }>>,
  first: string,
  description: string,
) {
  const options = Object.entries(registry).map(([name, method]) =>
    v.strictObject({ name: v.literal(name), options: v.optional(method.options, {}) }),
  );
  return v.optional(v.pipe(v.variant('name', options), v.description(description)), {
    name: first,
  });
}

export const reward = registered(rewards, 'execution-match', 'What an episode earns');
export const credit = registered(credits, 'group-relative', 'From rewards to advantages');

export const turns = v.optional(turnOptions, {});

/** Where `Step.value` comes from (train/step-values.ts). */
export const processValues = v.optional(
  v.strictObject({
    source: choice(
      ['none', 'prm', 'oracle', 'shuffled'],
      'none',
      'Values of steps: none, scores of a process reward model, the share of completions from there that ' +
        "end right (oracle), or the model's scores permuted at random (control)",
    ),
    checkpoint: text(
      'prm',
      /^(prm(-\d{1,9})?|[0-9a-f]{64})$/,
      'prm, prm-<seed> or the SHA-256 of a checkpoint',
      'The process reward model (prm is prm-0), or one named by the SHA-256 of its model.safetensors',
    ),
    rollouts: integer(32, { min: 1, max: 1024 }, 'Oracle: completions of each prefix'),
    policy: choice(
      ['current', 'initial'],
      'current',
      'Oracle: who completes, the policy as it is or as it was when the run began',
    ),
  }),
  {},
);

export const optimizer = v.optional(
  v.strictObject({
    learning_rate: number(3e-4, { min: 0, max: 1, step: 1e-5 }, 'Peak learning rate of AdamW'),
    weight_decay: number(0, { min: 0, max: 1, step: 0.01 }, 'Decoupled weight decay of AdamW'),
    adam_beta1: number(0.9, { min: 0, max: 0.9999, step: 0.01 }, 'Decay of the first moment'),
    adam_beta2: number(0.999, { min: 0, max: 0.99999, step: 0.001 }, 'Decay of the second moment'),
    adam_epsilon: number(1e-8, { min: 1e-12, max: 1e-2 }, 'Epsilon of AdamW'),
    max_grad_norm: number(1, { min: 0, max: 1000, step: 0.1 }, 'Gradient clipping; 0 = none'),
    lr_scheduler_type: choice(['constant', 'linear', 'cosine'], 'constant', 'After the warm-up'),
    warmup_steps: integer(0, { min: 0, max: 1_000_000 }, 'Updates of linear warm-up'),
  }),
  {},
);

export const sql = v.optional(
  v.strictObject({
    timeout_ms: integer(2000, { min: 10, max: 600_000, step: 100 }, 'Time limit of one query, ms'),
    row_cap: integer(10_000, { min: 1, max: 1_000_000 }, 'Rows after which a result is cut'),
    date: text(
      '2025-01-01',
      /^[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/,
      'a date YYYY-MM-DD',
      "The day on which SQLite's clock stands still",
    ),
  }),
  {},
);

export const evaluation = v.optional(
  v.strictObject({
    every: integer(10, { min: 0, max: 1_000_000 }, 'Updates between evaluations; 0 = never'),
    tasks: integer(200, { min: 1, max: 100_000 }, 'Questions of each evaluation, greedy'),
    split: text('tuning', /^[\w.-]{1,64}$/, 'the name of a split', 'Split to evaluate on'),
  }),
  {},
);

/** Sampling of completions, with TRL's names. */
export const rollout = {
  num_generations: integer(8, { min: 1, max: 256 }, 'Completions sampled for each prompt (G)'),
  prompts_per_update: integer(16, { min: 1, max: 4096 }, 'Different prompts in each update'),
  max_completion_length: integer(96, { min: 1, max: 32_768 }, 'Tokens a completion may have'),
  temperature: number(1, { min: 0.01, max: 10, step: 0.05 }, 'Sampling temperature'),
  top_p: number(1, { min: 0.01, max: 1, step: 0.01 }, 'Nucleus sampling; 1 = off'),
};

export const numUpdates = (initial: number) =>
  integer(initial, { min: 1, max: 1_000_000 }, 'Length of the run in updates');

export const microBatch = integer(
  32,
  { min: 1, max: 4096 },
  'Sequences in one forward and backward pass: bounds memory, and fixes the order of sums',
);
