/**
 * Where a run's policy comes from, as far as it does not matter who reads the files: Node reads folders,
 * a tab fetches and asks its own store.
 */
import { badInput } from '../errors.ts';
import { loadPolicy } from '../model/checkpoint.ts';
import type { Policy } from '../model/policy.ts';
import { Tokenizer } from '../text/tokenizer.ts';

export interface LoadedPolicy {
  policy: Policy;
  tokenizer: Tokenizer;
}

/** The files a policy is read from; a checkpoint may hold others. */
export const POLICY_FILES = [
  'config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
] as const;

/** Policy and tokenizer of a checkpoint's files, by plain file name; throws `bad_input`. */
export function policyFromFiles(files: Record<string, Uint8Array>): LoadedPolicy {
  const text = (name: (typeof POLICY_FILES)[number]): string => {
    const bytes = files[name];
    if (!bytes) throw badInput('checkpoint', Object.keys(files).join(', '), `a file ${name}`);
    return new TextDecoder().decode(bytes);
  };
  const tokenizer = Tokenizer.fromFiles({
    'tokenizer.json': text('tokenizer.json'),
    'tokenizer_config.json': text('tokenizer_config.json'),
  });
  const policy = loadPolicy(files);
  const { vocab_size } = policy.config;
  if (vocab_size < tokenizer.vocabSize) {
    policy.dispose();
    throw badInput(
      'config.json: vocab_size',
      vocab_size,
      `at least ${tokenizer.vocabSize}, the tokenizer's`,
    );
  }
  return { policy, tokenizer };
}

/**
 * The folder under `checkpoints/` of a warm start named `warm` or `warm-<seed>`, for other protocols than direct
 * `warm-<protocol>` or `warm-<protocol>-<seed>`; undefined for any other name. Whether it is there is for the caller to find out.
 */
export function warmStartFolder(name: string): string | undefined {
  if (!/^warm(-[a-z]+)?(-\d{1,9})?$/.test(name)) return undefined;
  return /\d$/.test(name) ? name : `${name}-0`;
}
