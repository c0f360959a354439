/** When a run must not go on: what failed, in words that help. */
import { tf } from '#tfjs';
import { StepSqlError } from '../errors.ts';
import { asBackendError, backendFailure } from '../tensor/backend.ts';
import { fused } from '../tensor/ops.ts';
import { WASM_MEMORY_BYTES } from '../tensor/wasm/kernels.ts';
import { Prompts } from './context.ts';
import { outOfMemoryMessage } from './memory.ts';
import type { RunInputs } from './run.ts';

/** Names the failure of the backend behind an error, and where memory ran out, what would fit. */
export function explained(thrown: unknown, inputs: RunInputs): unknown {
  const error = asBackendError(thrown);
  if (!(error instanceof StepSqlError) || error.code !== 'out_of_memory') return error;
  const { recipe, policy, data, tokenizer } = inputs;
  const prompts = new Prompts(tokenizer, data.databases, recipe);
  const lengths = (data.splits.get('train') ?? []).map((task) => prompts.of(task).length);
  const longest = Math.max(0, ...lengths.filter((n) => n <= recipe.prompt.max_prompt_length));
  const message = outOfMemoryMessage(recipe, policy.config, {
    path: fused() ? 'fused' : 'plain',
    ...(longest > 0 && { promptLength: longest }),
    ...(tf.getBackend() === 'wasm' && { limitBytes: WASM_MEMORY_BYTES }),
  });
  return new StepSqlError('out_of_memory', message);
}

/** Throws when the backend has failed beside an operation: what it gives since is garbage. */
export function checkBackend(): void {
  const failure = backendFailure();
  if (failure) throw failure;
}

/** Indexed: `every` makes an object of each number. */
function allFinite(numbers: Float32Array): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}

/** Throws `diverged` when an update leaves weights or a loss that are no numbers. */
export function checkSound(
  update: number,
  { loss = 0, grad_norm = 0, learning_rate }: Record<string, number>,
  weights: Float32Array,
): void {
  checkBackend();
  const sound = Number.isFinite(loss) && Number.isFinite(grad_norm);
  if (sound && allFinite(weights)) return;
  throw new StepSqlError(
    'diverged',
    `update ${update}: ${sound ? 'weights' : 'the loss'} became infinite or no number at learning_rate ${learning_rate}: choose a smaller optimizer.learning_rate or max_grad_norm`,
    'optimizer.learning_rate',
  );
}
