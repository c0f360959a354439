/** The Nursery: seeded text-to-SQL problems, generated and checked on the spot. */
export { draft, partition, TEMPLATES, type Draft, type Partition } from './draft.ts';
export {
  generateTasks,
  NURSERY_VERSION,
  SPLIT_SIZES,
  toDatabase,
  type GenerateOptions,
  type NurserySplit,
  type OnProgress,
} from './generate.ts';
export { LEVELS, type Level } from './hardness.ts';
export { generateHiddenTasks } from './hidden/generate.ts';
export { NEAR_MISS_KINDS, nearMiss, type NearMissKind } from './near-miss.ts';
export { renderSql, type Query } from './query.ts';
export { schemas, toSchema, trainSchemas, type Variant } from './schemas.ts';
