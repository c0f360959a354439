/** Policies from disk: the warm starts in the box, run folders, Hugging Face folders. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { badInput } from '../core/errors.ts';
import { loadPolicy } from '../core/model/checkpoint.ts';
import { initPolicy, type Policy } from '../core/model/policy.ts';
import type { Recipe } from '../core/recipe/schema.ts';
import { Tokenizer } from '../core/text/tokenizer.ts';
import { nurseryTokenizer } from '../core/train/warm-start.ts';
import { RunFolder } from './run-folder.ts';

/** Files that ship with the package: the bundle is in dist/node/. */
export const PUBLIC = fileURLToPath(new URL('../../public/', import.meta.url));

export interface LoadedPolicy {
  policy: Policy;
  tokenizer: Tokenizer;
}

function fromFiles(files: Record<string, Uint8Array>): LoadedPolicy {
  const text = (name: 'tokenizer.json' | 'tokenizer_config.json'): string => {
    const bytes = files[name];
    if (!bytes) throw badInput('checkpoint', Object.keys(files).join(', '), `a file ${name}`);
    return new TextDecoder().decode(bytes);
  };
  const tokenizer = Tokenizer.fromFiles({
    'tokenizer.json': text('tokenizer.json'),
    'tokenizer_config.json': text('tokenizer_config.json'),
  });
  const policy = loadPolicy(files);
  if (policy.config.vocab_size < tokenizer.vocabSize) {
    throw badInput(
      'config.json: vocab_size',
      policy.config.vocab_size,
      `at least ${tokenizer.vocabSize}, the tokenizer's`,
    );
  }
  return { policy, tokenizer };
}

async function folderFiles(path: string): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for (const name of await readdir(path)) {
    if (/\.(json|safetensors)$/.test(name)) files[name] = await readFile(join(path, name));
  }
  return files;
}

/** A checkpoint folder, or the latest checkpoint of a run folder. */
export async function loadCheckpoint(path: string): Promise<LoadedPolicy> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isDirectory()) throw badInput('checkpoint', path, 'a checkpoint or run folder');
  const checkpoint = await new RunFolder(path).latestCheckpoint();
  const files = checkpoint?.files ?? (await folderFiles(path));
  if (!files['model.safetensors']) {
    const expected = 'a checkpoint folder (with model.safetensors), or a run with a checkpoint';
    throw badInput('checkpoint', path, expected);
  }
  return fromFiles(files);
}

/** Where the warm start named `warm` or `warm-<seed>` is kept. */
export const warmStartPath = (name: string): string =>
  join(PUBLIC, 'checkpoints', name === 'warm' ? 'warm-0' : name);

const WARM_START = /^warm(-\d{1,9})?$/;

/** `warm`, `warm-<seed>`, a checkpoint folder or a run folder. */
export async function loadNamedPolicy(name: string, field = 'checkpoint'): Promise<LoadedPolicy> {
  if (!WARM_START.test(name)) return loadCheckpoint(name);
  const folder = warmStartPath(name);
  if (!(await stat(folder).catch(() => undefined))) {
    const seed = name.split('-')[1] ?? '0';
    throw badInput(
      field,
      name,
      `a warm start that is there: make it with \`stepsql warm-start --seed ${seed}\``,
    );
  }
  return loadCheckpoint(folder);
}

/** The policy a recipe starts from. `path` stands in for a checkpoint named by its hash. */
export async function startingPolicy(recipe: Recipe, path?: string): Promise<LoadedPolicy> {
  const { checkpoint, model } = recipe.policy;
  if (path !== undefined) return loadCheckpoint(path);
  if (WARM_START.test(checkpoint)) return loadNamedPolicy(checkpoint, 'policy.checkpoint');
  if (checkpoint !== 'scratch') {
    throw badInput('policy.checkpoint', checkpoint, 'its folder, given with --checkpoint');
  }
  const { data } = recipe;
  const [seed, schemas] = data.kind === 'nursery' ? [data.seed, data.train_schemas] : [0, 360];
  const tokenizer = Tokenizer.fromFiles(nurseryTokenizer(seed, schemas, model.vocab_size));
  const head_dim = model.hidden_size / model.num_attention_heads;
  return { policy: initPolicy({ ...model, head_dim }, recipe.seed), tokenizer };
}
