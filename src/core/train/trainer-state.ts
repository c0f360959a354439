/** A run's state as the files of a checkpoint, and back. */
import { badInput } from '../errors.ts';
import { savePolicy } from '../model/checkpoint.ts';
import type { Policy } from '../model/policy.ts';
import { readSafetensors, writeSafetensors } from '../model/safetensors.ts';
import { parseFingerprint, type Fingerprint } from '../recipe/fingerprint.ts';
import type { SqlService } from '../sql/outcome.ts';
import type { TimeoutEntry } from '../sql/timeout-log.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { Optimizer } from './optimizer.ts';
import type { Checkpoint, CheckpointFiles } from './run-store.ts';

export interface TrainerState {
  step: number;
  fingerprint: Fingerprint;
  timeouts: TimeoutEntry[];
}

/** Policy and tokenizer in Hugging Face's layout, with what a run needs to go on. */
export async function checkpointFiles(
  policy: Policy,
  tokenizer: Tokenizer,
  optimizer: Optimizer,
  state: TrainerState,
): Promise<CheckpointFiles> {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const { steps, tensors } = await optimizer.state();
  return {
    ...(await savePolicy(policy)),
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

/** Puts optimiser and recorded timeouts where `checkpointFiles` found them; throws `bad_input`. */
export function restore(
  checkpoint: Checkpoint,
  optimizer: Optimizer,
  sql: SqlService,
): TrainerState {
  const field = `checkpoint ${checkpoint.step}: trainer_state.json`;
  const text = new TextDecoder().decode(file(checkpoint, 'trainer_state.json'));
  let state: TrainerState & { optimizer_steps: number };
  try {
    state = JSON.parse(text) as never;
  } catch {
    throw badInput(field, text, 'valid JSON');
  }
  if (!Number.isInteger(state?.optimizer_steps)) {
    throw badInput(`${field}: optimizer_steps`, state?.optimizer_steps, 'an integer');
  }
  if (!Array.isArray(state.timeouts)) {
    throw badInput(`${field}: timeouts`, state.timeouts, 'a list');
  }
  const fingerprint = parseFingerprint(state.fingerprint, `${field}: fingerprint`);
  const moments = `checkpoint ${checkpoint.step}: optimizer.safetensors`;
  const tensors = readSafetensors(file(checkpoint, 'optimizer.safetensors'), moments);
  optimizer.restore(state.optimizer_steps, tensors, moments);
  sql.replay?.(state.timeouts);
  return { ...state, fingerprint };
}
