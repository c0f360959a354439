/** Which settings stand in front, what they are called, and how the rest is grouped. */
import { applies, recipeFields, type Field } from '../../core/recipe/fields.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import type { SliderRange } from './slider.ts';

export interface FrontSetting {
  label: string;
  /** Instead of the field's description; '' where the label says it all. */
  help?: string;
  slider?: SliderRange;
}

/** By path; of the method's own section by what follows it. */
const FRONT: Readonly<Record<string, FrontSetting>> = {
  seed: { label: 'Seed', help: '' },
  num_updates: { label: 'Updates', help: '' },
  prompts_per_update: { label: 'Prompts per update', help: '' },
  num_generations: { label: 'Samples per prompt', help: '' },
  batch_size: { label: 'Sequences per update', help: '' },
  'policy.checkpoint': { label: 'Starting policy', help: '' },
  protocol: { label: 'Protocol' },
  'reward.name': { label: 'Reward' },
  'credit.name': { label: 'Credit' },
  'optimizer.learning_rate': {
    label: 'Learning rate',
    help: 'Of AdamW, at its peak',
    slider: { min: 1e-6, max: 1e-2, step: 'log' },
  },
  temperature: {
    label: 'Temperature',
    help: 'Of sampling; lower is closer to the greedy answer',
    slider: { min: 0.1, max: 2, step: 0.05 },
  },
  beta: {
    label: 'KL weight (β)',
    help: 'Pull towards the starting policy; 0 = none',
    slider: { min: 0, max: 0.2, step: 0.005 },
  },
  'data.kind': { label: 'Data' },
  'data.seed': { label: 'Data seed', help: '' },
  'data.world': { label: 'World' },
  'data.train_tasks': { label: 'Training questions', help: '' },
  'data.train_schemas': { label: 'Schema variants', help: '' },
  'data.levels.easy': { label: 'Easy' },
  'data.levels.medium': { label: 'Medium' },
  'data.levels.hard': { label: 'Hard' },
  'data.levels.extra': { label: 'Extra' },
  'data.format': { label: 'Layout of the files', help: '' },
  'data.split': { label: 'Split to train on', help: '' },
  'data.sha256': { label: 'Content hash' },
};

const keyOf = (path: string, { method }: Recipe): string =>
  path.startsWith(`${method}.`) ? path.slice(method.length + 1) : path;

/** How a setting is presented in front; undefined for one that belongs under "All settings". */
export const frontSetting = (path: string, recipe: Recipe): FrontSetting | undefined =>
  FRONT[keyOf(path, recipe)];

export interface Section {
  /** Dotted prefix, '' for the recipe itself. */
  id: string;
  title: string;
  note?: string;
  fields: Field[];
}

const SECTIONS: Readonly<Record<string, { title: string; note?: string }>> = {
  '': { title: 'Run' },
  grpo: { title: 'GRPO' },
  rejection_sft: { title: 'Rejection sampling' },
  sft: { title: 'Supervised fine-tuning' },
  optimizer: { title: 'Optimiser' },
  reward: { title: 'Reward' },
  credit: { title: 'Credit' },
  prompt: { title: 'Prompt' },
  turns: { title: 'Turns', note: 'Used by protocols of several turns.' },
  'policy.model': {
    title: 'Shape of a new policy',
    note: 'Used when the policy starts from scratch; other starts bring their own shape.',
  },
  sql: { title: 'SQL sandbox' },
  eval: { title: 'Evaluation' },
  data: { title: 'Data' },
};

function sectionOf(path: string): string {
  if (path.startsWith('policy.model.')) return 'policy.model';
  return path.includes('.') ? path.slice(0, path.indexOf('.')) : '';
}

/** Whether every word of `query` occurs in the field's path, description or section. */
function matches(field: Field, title: string, query: string): boolean {
  const text = `${field.path} ${field.description} ${title}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** The fields that apply and match `query`, except those in front, by section. */
export function otherSettings(recipe: Recipe, query = ''): Section[] {
  const known = Object.keys(SECTIONS);
  const sections = new Map<string, Section>(
    known.map((id) => [id, { id, ...SECTIONS[id]!, fields: [] }]),
  );
  for (const field of recipeFields) {
    if (!applies(field, recipe) || frontSetting(field.path, recipe)) continue;
    const id = sectionOf(field.path);
    const section = sections.get(id) ?? { id, title: id, fields: [] };
    sections.set(id, section);
    if (matches(field, section.title, query)) section.fields.push(field);
  }
  return [...sections.values()].filter(({ fields }) => fields.length > 0);
}

/** The settings in front that a search would look for in vain under "All settings". */
export function matchingFront(recipe: Recipe, query: string): Field[] {
  if (query.trim() === '') return [];
  return recipeFields.filter((field) => {
    const front = applies(field, recipe) && frontSetting(field.path, recipe);
    return front && matches(field, front.label, query);
  });
}

/** A field with one possible value: shown, not offered. */
export const isFixed = (field: Field): boolean =>
  field.choices?.length === 1 || (field.min !== undefined && field.min === field.max);

/** A path in parts, between which a line may end. */
export const breakable = (path: string): string[] => path.split(/(?<=[._])/);

/** The warm start in the box that speaks a protocol. */
export const warmStartOf = (protocol: Recipe['protocol']): string =>
  protocol === 'direct' ? 'warm' : `warm-${protocol}`;

/** Seeds of the other warm starts in the box, which are direct. */
const OTHER_SEEDS = [1, 3, 4, 5];

type Choices = readonly (readonly [value: string, label: string])[];

/** Starting policies in the box. */
export const startingPolicies = (protocol: Recipe['protocol']): Choices => [
  [warmStartOf(protocol), 'Warm start 0'],
  ...(protocol === 'direct'
    ? OTHER_SEEDS.map((seed) => [`warm-${seed}`, `Warm start ${seed}`] as const)
    : []),
  ['scratch', 'New weights, from scratch'],
];

/** With what the recipe names, should that be another checkpoint. */
export function policyChoices(checkpoint: string, protocol: Recipe['protocol']): Choices {
  const known = startingPolicies(protocol);
  if (known.some(([value]) => value === checkpoint)) return known;
  const label = checkpoint.length > 16 ? `Checkpoint ${checkpoint.slice(0, 12)}…` : checkpoint;
  return [...known, [checkpoint, label]];
}
