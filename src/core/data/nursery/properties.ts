/** What the Nursery promises, measured: sizes of its world, and per split how good its tasks are. */
import { Stream } from '../../random/stream.ts';
import type { Cell } from '../task.ts';
import { TEMPLATES } from './draft.ts';
import { NurseryEngine } from './engine.ts';
import { DOMAINS } from './entities.ts';
import { generate, isOneInteger, type Generated, type GenerateOptions } from './generate.ts';
import { LEVELS, type Level } from './hardness.ts';
import { CONCEPTS, DISPLAY_WORDS } from './lexicon.ts';
import { mutants } from './mutants.ts';
import { NEAR_MISS_KINDS, nearMiss } from './near-miss.ts';
import { renderSql } from './query.ts';
import { ROW_VARIANTS } from './rows.ts';
import { namesOf, SCHEMA_COUNTS, schemas, type SchemaSplit, type Variant } from './schemas.ts';
import { Scene } from './scene.ts';
import { MUTANTS, sameAnswer } from './verify.ts';

/** Counts that depend on the seed only through the schemas. */
export interface WorldProperties {
  domains: number;
  entities: number;
  concepts: number;
  /** Different column names. */
  columnNames: number;
  /** Fewest words of any concept or entity. */
  fewestSynonyms: number;
  templates: Record<Level, number>;
  fewestWordings: number;
  wordings: number;
  schemas: Record<SchemaSplit, number>;
  /** Different training schemas as sets of tables and columns by name. */
  distinctTrainingSchemas: number;
  /** Held-out schemas whose set of entities some training schema has. */
  heldOutSetsInTraining: number;
  /** Names of held-out schemas that no training schema has. */
  heldOutNamesNotInTraining: number;
  /** Names of the split heldout_names that training schemas or questions have. */
  unseenNamesInTraining: number;
  tablesPerSchema: number;
  columnsPerSchema: number;
}

export interface SplitProperties {
  split: string;
  tasks: number;
  databases: number;
  /** Tasks by level, as shares. */
  levels: Record<Level, number>;
  skills: number;
  meanQuestionWords: number;
  meanSqlLength: number;
  /** Different lower-case words of questions. */
  vocabulary: number;
  minAnswerRows: number;
  maxAnswerRows: number;
  oneCellIntegers: number;
  /** The value found in the answers of most tasks, and its share of tasks. */
  commonestValue: Cell;
  commonestShare: number;
  /** Share of single-edit mutants that give another answer on at least one row variant. */
  mutantsKilled: number;
  /** Of one near miss per task and kind: right on the base rows (EX), right on all (TS). */
  nearMissEx: number;
  nearMissTs: number;
  /** Share of those near misses whose SQL fails. */
  nearMissFailing: number;
}

const entitySet = ({ tables }: Variant): string =>
  tables
    .map(({ entity }) => entity)
    .sort()
    .join();

const signature = ({ tables }: Variant): string =>
  tables.map(({ name, columns }) => `${name}(${columns.map((c) => c.name).join()})`).join();

/** Wordings of each template, taken from the first schema that suits it. */
function wordingCounts(variants: readonly Variant[]): number[] {
  const stream = new Stream(0, 'nursery wordings');
  return LEVELS.flatMap((level) =>
    TEMPLATES[level].map((template) => {
      for (const variant of variants) {
        const sketch = template.sketch(new Scene(variant, stream));
        if (sketch) return sketch.wordings.length;
      }
      return 0;
    }),
  );
}

export function worldProperties(seed: number): WorldProperties {
  const bySplit = {
    train: schemas(seed, 'train'),
    heldout_schemas: schemas(seed, 'heldout_schemas'),
    heldout_names: schemas(seed, 'heldout_names'),
  };
  const entities = DOMAINS.flatMap((domain) => domain.entities);
  const concepts = [...CONCEPTS, ...Object.values(DISPLAY_WORDS)];
  const trainNames = new Set(bySplit.train.flatMap(namesOf));
  const words = new Set([...entities, ...concepts].flatMap((thing) => thing.words));
  const trainSets = new Set(bySplit.train.map(entitySet));
  const everyVariant = Object.values(bySplit).flat();
  const tables = everyVariant.flatMap((variant) => variant.tables);
  const wordings = wordingCounts(bySplit.train);
  const templates = LEVELS.map((level) => [level, TEMPLATES[level].length]);
  const missing = new Set(
    bySplit.heldout_schemas.flatMap(namesOf).filter((name) => !trainNames.has(name)),
  );
  const known = new Set(
    bySplit.heldout_names
      .flatMap(namesOf)
      .filter((name) => trainNames.has(name) || words.has(name)),
  );
  return {
    domains: DOMAINS.length,
    entities: entities.length,
    concepts: concepts.length,
    columnNames: new Set(concepts.flatMap((concept) => concept.words)).size,
    fewestSynonyms: Math.min(...[...entities, ...concepts].map((thing) => thing.words.length)),
    templates: Object.fromEntries(templates) as Record<Level, number>,
    fewestWordings: Math.min(...wordings),
    wordings: wordings.reduce((sum, n) => sum + n, 0),
    schemas: { ...SCHEMA_COUNTS },
    distinctTrainingSchemas: new Set(bySplit.train.map(signature)).size,
    heldOutSetsInTraining: bySplit.heldout_schemas.filter((v) => trainSets.has(entitySet(v)))
      .length,
    heldOutNamesNotInTraining: missing.size,
    unseenNamesInTraining: known.size,
    tablesPerSchema: tables.length / everyVariant.length,
    columnsPerSchema: tables.reduce((sum, t) => sum + t.columns.length, 0) / everyVariant.length,
  };
}

/** Generates a split and measures it; `sample` tasks go through mutants and near misses. */
export function splitProperties(options: GenerateOptions, sample = Infinity): SplitProperties {
  const generated = generate(options);
  const tasks = generated.map(({ task }) => task);
  const count = tasks.length;
  const rows = tasks.map(({ answer }) => answer!.length);
  const words = tasks.map(({ question }) => question.toLowerCase().match(/[\w-]+/g) ?? []);
  const tally = new Map<Cell, number>();
  for (const { answer } of tasks) {
    for (const value of new Set(answer!.flat().filter((cell) => cell !== null))) {
      tally.set(value, (tally.get(value) ?? 0) + 1);
    }
  }
  const [commonestValue, most] = [...tally].reduce((a, b) => (b[1] > a[1] ? b : a));
  const share = (test: (i: number) => boolean): number =>
    tasks.filter((_, i) => test(i)).length / count;
  return {
    split: options.split,
    tasks: count,
    databases: new Set(tasks.map(({ db_id }) => db_id)).size,
    levels: Object.fromEntries(
      LEVELS.map((level) => [level, share((i) => tasks[i]!.difficulty === level)]),
    ) as Record<Level, number>,
    skills: new Set(tasks.map(({ skill }) => skill)).size,
    meanQuestionWords: words.reduce((sum, list) => sum + list.length, 0) / count,
    meanSqlLength: tasks.reduce((sum, { gold }) => sum + gold![0]!.length, 0) / count,
    vocabulary: new Set(words.flat()).size,
    minAnswerRows: Math.min(...rows),
    maxAnswerRows: Math.max(...rows),
    oneCellIntegers: share((i) => isOneInteger(tasks[i]!.answer!)),
    commonestValue,
    commonestShare: most / count,
    ...wrongAnswers(options, generated.slice(0, sample)),
  };
}

type Wrong = Pick<
  SplitProperties,
  'mutantsKilled' | 'nearMissEx' | 'nearMissTs' | 'nearMissFailing'
>;

function groupByVariant(sample: readonly Generated[]): Map<Variant, Generated[]> {
  const groups = new Map<Variant, Generated[]>();
  for (const each of sample) {
    const group = groups.get(each.variant);
    if (group) group.push(each);
    else groups.set(each.variant, [each]);
  }
  return groups;
}

function wrongAnswers({ seed, sql }: GenerateOptions, sample: readonly Generated[]): Wrong {
  const engine = new NurseryEngine(sql);
  const killed = { of: 0, n: 0 };
  const misses = { of: 0, ex: 0, ts: 0, failing: 0 };
  const byVariant = groupByVariant(sample);
  try {
    for (const [variant, tasks] of byVariant) {
      engine.load(variant);
      for (const { query, task } of tasks) {
        const stream = new Stream(seed, `nursery measure ${task.id}`);
        const golds = Array.from({ length: ROW_VARIANTS }, (_, which) =>
          engine.query(which, task.gold![0]!)!,
        );
        /** On how many row variants, from the base on, the answer is gold's. */
        const agrees = (text: string): number => {
          for (let which = 0; which < ROW_VARIANTS; which++) {
            const rows = engine.query(which, text);
            if (!rows || !sameAnswer(rows, golds[which]!, query)) return which;
          }
          return ROW_VARIANTS;
        };
        for (const mutant of mutants(query, variant, MUTANTS, stream)) {
          killed.of++;
          if (agrees(mutant) < ROW_VARIANTS) killed.n++;
        }
        for (const kind of NEAR_MISS_KINDS) {
          const miss = nearMiss(query, variant, kind, stream);
          if (!miss) continue;
          const text = renderSql(miss);
          const agreed = agrees(text);
          misses.of++;
          if (agreed > 0) misses.ex++;
          if (agreed === ROW_VARIANTS) misses.ts++;
          if (engine.query(0, text) === undefined) misses.failing++;
        }
      }
    }
  } finally {
    engine.close();
  }
  return {
    mutantsKilled: killed.n / killed.of,
    nearMissEx: misses.ex / misses.of,
    nearMissTs: misses.ts / misses.of,
    nearMissFailing: misses.failing / misses.of,
  };
}
