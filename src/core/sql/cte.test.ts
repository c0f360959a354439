import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinCocte, prefixSql, readCteStep, splitCocte } from './cte.ts';
import { openSandbox, loadSql } from './engine.ts';

describe('readCteStep', () => {
  it('reads a rationale and one CTE', () => {
    const text = "the singer's late songs\na AS (SELECT ')', \"(\" FROM song WHERE year > 1990)";
    const step = readCteStep(text);
    expect(step.thought).toBe("the singer's late songs");
    expect(text.slice(step.thoughtLength)).toBe(step.ctes[0]!.text);
    expect(step.ctes.map(({ name }) => name)).toEqual(['a']);
    expect(step.final).toBe('');
  });

  it.each([
    ['SELECT title FROM a', '', 'SELECT title FROM a'],
    ['their titles\nSELECT title\nFROM a;', 'their titles', 'SELECT title\nFROM a'],
    ['Select the title.\nSELECT title FROM a', 'Select the title.', 'SELECT title FROM a'],
    ['so: ```sql\nselect 1;\n```\nDone.', 'so:', 'select 1'],
    ['finally: SELECT 1', 'finally:', 'SELECT 1'],
    ['VALUES (1)', '', 'VALUES (1)'],
  ])('reads the final query of %j', (text, thought, final) => {
    expect(readCteStep(text)).toMatchObject({ thought, final, ctes: [] });
  });

  it.each([
    ['WITH a AS (SELECT 1),', ['a']],
    ['with recursive n(x) as materialized (select 1),', ['n']],
    ['"my step" AS (SELECT 1)', ['"my step"']],
    ['a AS (SELECT 1), b AS (SELECT 2)', ['a', 'b']],
    ['first: a AS (SELECT 1)', ['a']],
    ['a AS (SELECT (1)', ['a']],
  ])('reads the CTEs of %j', (text, names) => {
    const step = readCteStep(text);
    expect(step.ctes.map(({ name }) => name)).toEqual(names);
    expect(step.final).toBe('');
  });

  it('takes text without SQL for a thought', () => {
    const step = readCteStep(' I do not know. ');
    const nothing = { thought: 'I do not know.', thoughtLength: 16, ctes: [], final: '' };
    expect(step).toEqual(nothing);
  });

  it('leaves what stands behind a CTE for SQLite to refuse', () => {
    const { ctes, final } = readCteStep('a AS (SELECT 1)) b');
    expect(final).toBe('');
    expect(prefixSql(ctes)).toBe('WITH a AS (SELECT 1) ) b SELECT * FROM a LIMIT 50');
  });

  it('never throws and never loses a character', () => {
    const part = fc.oneof(
      fc.string(),
      fc.constantFrom('a AS (', ')', 'WITH ', 'SELECT 1', ',', "'", '"', '--', '/*', '```', '\n\n'),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        const step = readCteStep(text);
        expect(step.thoughtLength).toBeLessThanOrEqual(text.length);
        for (const each of splitCocte(text)) readCteStep(each);
        prefixSql(step.ctes, step.final);
      }),
      { numRuns: 500 },
    );
  });

  it('reads long hostile text in no time worth mentioning', () => {
    for (const piece of ['[', 'a ', 'a(', '(\n\n', ' ', 'WITH ', '```', 'a AS (', '"']) {
      splitCocte(piece.repeat(20_000));
    }
  });
});

describe('prefixSql', () => {
  it('shows the last CTE, or runs the final query over all', () => {
    const ctes = ['a AS (SELECT 1)', '"b c" AS (SELECT 2)'].flatMap((t) => readCteStep(t).ctes);
    expect(prefixSql(ctes)).toBe(
      'WITH a AS (SELECT 1), "b c" AS (SELECT 2) SELECT * FROM "b c" LIMIT 50',
    );
    expect(prefixSql(ctes, 'SELECT 3')).toBe('WITH a AS (SELECT 1), "b c" AS (SELECT 2) SELECT 3');
    expect(prefixSql([], 'SELECT 3')).toBe('SELECT 3');
    expect(prefixSql([])).toBe('');
  });

  it('lets nothing but a query through to the database', async () => {
    const sql = await loadSql();
    const db = new sql.Database();
    db.run('CREATE TABLE t (x)');
    const box = openSandbox(sql, db.export());
    for (const text of [
      'a AS (SELECT 1); DROP TABLE t; --',
      'a AS (SELECT 1) DELETE FROM t',
      "a AS (SELECT 1)) SELECT 1; ATTACH 'x' AS y; WITH b AS (SELECT 1",
      '"a"; DROP TABLE t; --" AS (SELECT 1)',
    ]) {
      const step = readCteStep(text);
      expect(box.run(prefixSql(step.ctes, step.final)).outcome.kind).not.toBe('rows');
    }
    expect(box.run('SELECT count(*) FROM t').outcome.kind).toBe('rows');
    box.close();
  });
});

describe('splitCocte', () => {
  const steps = [
    'the late songs\na AS (SELECT * FROM song WHERE year > 1990)',
    'how many of each singer\nb AS (SELECT singer_id, COUNT(*) AS n FROM a GROUP BY singer_id)',
    'the most\nSELECT MAX(n) FROM b',
  ];

  it('takes apart what was joined by blank lines', () => {
    expect(splitCocte(joinCocte(steps))).toEqual(steps);
  });

  it('gives every CTE of one query a step', () => {
    expect(splitCocte('so\nWITH a AS (SELECT 1), b AS (SELECT 2) SELECT * FROM b')).toEqual([
      'so\na AS (SELECT 1)',
      'b AS (SELECT 2)',
      'SELECT * FROM b',
    ]);
  });

  it('keeps a blank line inside parentheses, and a rationale with its SQL', () => {
    const text = 'WITH a AS (\n  SELECT 1\n\n  UNION SELECT 2\n),\n\nthe end\n\nSELECT * FROM a;';
    const [first, second, ...none] = splitCocte(text).map(readCteStep);
    expect(first!.ctes[0]!.text).toMatch(/^a AS \(\n {2}SELECT 1\n/);
    expect(second).toMatchObject({ thought: 'the end', final: 'SELECT * FROM a' });
    expect(none).toEqual([]);
  });
});
