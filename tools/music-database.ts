/** The database in the box: a music variant of the Nursery under its plainest names. */
import { draft, partition } from '../src/core/data/nursery/draft.ts';
import { NurseryEngine } from '../src/core/data/nursery/engine.ts';
import { toDatabase } from '../src/core/data/nursery/generate.ts';
import type { Level } from '../src/core/data/nursery/hardness.ts';
import { Habits } from '../src/core/data/nursery/planted.ts';
import { renderSql } from '../src/core/data/nursery/query.ts';
import { trainSchemas, type Variant } from '../src/core/data/nursery/schemas.ts';
import { verify } from '../src/core/data/nursery/verify.ts';
import { Stream } from '../src/core/random/stream.ts';
import { loadSql } from '../src/core/sql/load.ts';

/** Singers, albums and concerts. */
const VARIANT = 'train_music_180';

/** Questions of each level. */
const COUNTS: [Level, number][] = [
  ['easy', 4],
  ['medium', 4],
  ['hard', 2],
  ['extra', 2],
];

/** The seed of the warm start in the box: its planted habits decide what it is good at. */
const WARM_SEED = 0;

/** The first word of every table and column is its plainest: the only one that names it here. */
function plain(variant: Variant): Variant {
  const copy = structuredClone(variant);
  for (const table of copy.tables) {
    table.words = table.words.slice(0, 1);
    table.name = table.words[0]!;
    for (const column of table.columns) {
      column.words = column.words.slice(0, 1);
      column.name = column.words[0]!;
    }
    table.key.name = 'id';
  }
  for (const { column, parent } of copy.links) column.name = `${parent.name}_id`;
  return copy;
}

/** File contents by name. Questions are none the policy was trained on, of skills it mostly has. */
export async function musicDatabase(): Promise<Record<string, Uint8Array>> {
  const sql = await loadSql();
  const variant = plain(trainSchemas(0).find(({ id }) => id === VARIANT)!);
  const engine = new NurseryEngine(sql);
  engine.load(variant);
  const questions: object[] = [];
  const skills = new Set<string>();
  const habits = new Habits(WARM_SEED);
  for (const [level, count] of COUNTS) {
    for (let wanted = count, i = 0; wanted > 0; i++) {
      const stream = new Stream(0, `database in the box ${level}`, i);
      const drafted = draft(variant, stream, level);
      const template = drafted.skill.replace(/\/\d+$/, ''); // without the wording
      const { q } = habits.of(drafted.skill);
      if (partition(drafted.question) !== 'dev' || skills.has(template) || q < 0.5) continue;
      const { rejection } = verify(drafted, variant, engine, stream);
      if (rejection) continue;
      skills.add(template);
      const { question, query } = drafted;
      questions.push({ question, db: 'music.sqlite', gold: renderSql(query), difficulty: level });
      wanted--;
    }
  }
  engine.close();
  return {
    'music.sqlite': await toDatabase(variant, sql).bytes(),
    'questions.json': new TextEncoder().encode(`${JSON.stringify(questions, null, 2)}\n`),
  };
}
