/**
 * How much memory a run needs, from shapes alone: what to tell people when it does not fit. An estimate
 * of tensors at their peak, for prompts and completions as long as they may be; memory.test.ts holds it
 * within a factor of two of what is measured. Backends need more than that, for copies and in pieces.
 */
import { StepSqlError } from '../errors.ts';
import { parameterShapes } from '../model/policy.ts';
import { PROMPT_MULTIPLE } from '../model/sample.ts';
import { PACK } from '../model/pack.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Recipe } from '../recipe/schema.ts';
import { backwardFloats, decodeFloats, forwardFloats, predictionFloats } from './memory-shapes.ts';
import { batchSizes, EVALUATION_BATCH, maxCompletionLength } from './batch-sizes.ts';
