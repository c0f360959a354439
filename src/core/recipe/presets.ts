/** The recipes in the box, each as what it changes of the defaults. */
import { episodeTokens } from '../episode/index.ts';
import { badInput } from '../errors.ts';
import { parseRecipe } from './parse.ts';
import type { Recipe, RecipeInput } from './schema.ts';

interface Preset {
  description: string;
  /** One of the papers that StepSQL is about, not a baseline or a control. */
  paper?: true;
  recipe: RecipeInput;
}

/** Tuned on tuning questions of seed 0: larger steps, or four a batch, drift as fast as they learn. */
const SMALL_STEPS = { learning_rate: 2e-4, lr_scheduler_type: 'linear' } as const;

/** With one mini-batch and one iteration every ratio is 1 and several of the baselines coincide. */
const FOUR_STEPS = { mini_batches: 4 } as const;

/** Chain-of-CTEs: protocol, questions, and results as small policies read them. */
export const COCTE = {
  protocol: 'cocte',
  data: { kind: 'nursery', world: 'steps' },
  turns: { max_turns: 6, observation_rows: 1 },
} as const;

const COCTE_GRPO = {
  ...COCTE,
  method: 'grpo',
  policy: { checkpoint: 'warm-cocte' },
  grpo: { num_updates: 100, max_completion_length: episodeTokens('cocte') },
  optimizer: SMALL_STEPS,
} as const;

/** Episodes of several turns, in the world whose names only tools tell. */
const WITH_TOOLS = {
  method: 'grpo',
  protocol: 'tools',
  data: { kind: 'nursery', world: 'hidden' },
  policy: { checkpoint: 'warm-tools' },
  grpo: { max_completion_length: episodeTokens('tools') },
  optimizer: SMALL_STEPS,
} as const;

export const presets = {
  sft: {
    description: 'Supervised fine-tuning on gold SQL: the ceiling',
    recipe: {
      method: 'sft',
      name: 'sft',
      sft: { num_updates: 600 },
      optimizer: { learning_rate: 1e-3, lr_scheduler_type: 'cosine', warmup_steps: 20 },
    },
  },
  grpo: {
    description: 'GRPO with execution match against gold: the baseline',
    recipe: { method: 'grpo', name: 'grpo', optimizer: SMALL_STEPS },
  },
  execution: {
    description: 'Execution-based learning from answers, without gold SQL (arXiv 2506.06093)',
    paper: true,
    recipe: {
      method: 'grpo',
      name: 'execution',
      reward: { name: 'execution' },
      optimizer: SMALL_STEPS,
    },
  },
  finer: {
    description:
      'FINER-SQL: format gate, execution, atomic operations, memory of verified thoughts (arXiv 2605.03465)',
    paper: true,
    recipe: {
      method: 'grpo',
      name: 'finer',
      protocol: 'think',
      policy: { checkpoint: 'warm-think' },
      // The paper's gate is 100 characters; thoughts of the small policy are shorter.
      reward: { name: 'finer', options: { minThoughtCharacters: 40 } },
      grpo: { max_completion_length: episodeTokens('think') },
      optimizer: SMALL_STEPS,
    },
  },
  'reward-sql': {
    description: 'A process reward model shares out credit among CTEs (arXiv 2505.04671)',
    paper: true,
    recipe: {
      ...COCTE_GRPO,
      name: 'reward-sql',
      reward: { name: 'reward-sql' },
      credit: { name: 'process-weighted' },
      process_values: { source: 'prm' },
    },
  },
  'cocte-grpo': {
    description: 'GRPO on the outcome of Chains-of-CTEs: what Reward-SQL is compared with',
    recipe: { ...COCTE_GRPO, name: 'cocte-grpo' },
  },
  finestep: {
    description:
      'FineStep: process rewards from the executor, credit for every step (arXiv 2605.04719)',
    paper: true,
    recipe: {
      ...WITH_TOOLS,
      name: 'finestep',
      reward: { name: 'finestep' },
      credit: { name: 'finestep' },
    },
  },
  'grpo-summed': {
    description: 'GRPO with FineStep’s process rewards summed: the same reward, other credit',
    recipe: {
      ...WITH_TOOLS,
      name: 'grpo-summed',
      reward: { name: 'finestep' },
      credit: { name: 'group-relative', options: { process: 'sum' } },
    },
  },
  gigpo: {
    description: 'GiGPO: steps taken from the same state compared (arXiv 2505.10978)',
    recipe: {
      ...WITH_TOOLS,
      name: 'gigpo',
      reward: { name: 'finestep' },
      credit: { name: 'gigpo' },
    },
  },
  skyrl: {
    description: 'Reward of SkyRL-SQL, for whole episodes',
    recipe: { ...WITH_TOOLS, name: 'skyrl', reward: { name: 'skyrl' } },
  },
  rloo: {
    description: 'REINFORCE with the mean of the others as baseline (arXiv 2402.14740)',
    recipe: {
      method: 'grpo',
      name: 'rloo',
      credit: { name: 'rloo' },
      // A completion is one action: its log-probability is a sum, not a mean.
      grpo: { ...FOUR_STEPS, loss_type: 'dr_grpo' },
      optimizer: SMALL_STEPS,
    },
  },
  'dr-grpo': {
    description: 'GRPO without division by deviation and length (arXiv 2503.20783)',
    recipe: {
      method: 'grpo',
      name: 'dr-grpo',
      credit: { name: 'dr-grpo' },
      grpo: { ...FOUR_STEPS, loss_type: 'dr_grpo' },
      optimizer: SMALL_STEPS,
    },
  },
  dapo: {
    description:
      'Dynamic sampling, clip-higher, token mean, overlong punishment (arXiv 2503.14476)',
    recipe: {
      method: 'grpo',
      name: 'dapo',
      grpo: {
        ...FOUR_STEPS,
        ...{ loss_type: 'dapo', epsilon_high: 0.28, dynamic_sampling: true },
        // A fifth of the limit, as in the paper; half its penalty, for rewards of 0 and 1.
        ...{ overlong_buffer: 19, overlong_penalty: 0.5 },
      },
      optimizer: SMALL_STEPS,
    },
  },
  gspo: {
    description: 'One importance ratio for each sequence (arXiv 2507.18071)',
    recipe: {
      method: 'grpo',
      name: 'gspo',
      grpo: {
        ...FOUR_STEPS,
        ...{ loss_type: 'grpo', importance_sampling_level: 'sequence' },
        ...{ epsilon: 3e-4, epsilon_high: 4e-4 },
      },
      optimizer: SMALL_STEPS,
    },
  },
  'sql-r1': {
    description: 'Reward and settings of SQL-R1 (arXiv 2504.08600)',
    recipe: {
      method: 'grpo',
      name: 'sql-r1',
      reward: { name: 'sql-r1' },
      grpo: { temperature: 1.1, beta: 0.001 },
      optimizer: SMALL_STEPS,
    },
  },
  arctic: {
    description: 'Reward and settings of Arctic-Text2SQL-R1 (arXiv 2505.20315)',
    recipe: {
      method: 'grpo',
      name: 'arctic',
      reward: { name: 'arctic' },
      grpo: { mini_batches: 2, temperature: 0.8, beta: 0.001 },
      optimizer: SMALL_STEPS,
    },
  },
  think2sql: {
    description: 'Reward and settings of Think2SQL (arXiv 2504.15077)',
    recipe: {
      method: 'grpo',
      name: 'think2sql',
      reward: { name: 'think2sql' },
      credit: { name: 'group-relative', options: { scale_rewards: 'batch' } },
      grpo: {
        ...{ temperature: 0.6, epsilon_high: 0.28 },
        ...{ loss_type: 'dapo', importance_sampling_level: 'sequence' },
      },
      optimizer: SMALL_STEPS,
    },
  },
  'rejection-sft': {
    description: 'Rejection sampling: imitate the samples that were right, a control for GRPO',
    recipe: { method: 'rejection_sft', name: 'rejection-sft', optimizer: SMALL_STEPS },
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

export const presetNames = Object.keys(presets) as PresetName[];

const isPaper = (name: PresetName): boolean => (presets[name] as Preset).paper === true;

/** The papers, then what they are compared with. */
export const presetGroups: readonly { title: string; names: readonly PresetName[] }[] = [
  { title: 'Papers', names: presetNames.filter(isPaper) },
  { title: 'Baselines and controls', names: presetNames.filter((name) => !isPaper(name)) },
];

export const isPreset = (name: string): name is PresetName => Object.hasOwn(presets, name);

/** The whole recipe of a preset; throws `bad_input` listing the presets there are. */
export function presetRecipe(name: string): Recipe {
  if (!isPreset(name)) throw badInput('preset', name, `one of ${presetNames.join(', ')}`);
  return parseRecipe(presets[name].recipe);
}
