import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sqlTokens } from './sql-tokens.ts';

const kinds = (sql: string): string[] =>
  sqlTokens(sql).flatMap(({ kind, text }) => (kind ? [`${kind}:${text}`] : []));

it('finds keywords, functions, strings, names, numbers and comments', () => {
  expect(kinds(`select COUNT(*) FROM "my table" WHERE a = 'it''s' AND b > 1.5e3 -- end`)).toEqual([
    'keyword:select',
    'function:COUNT',
    'keyword:FROM',
    'identifier:"my table"',
    'keyword:WHERE',
    "string:'it''s'",
    'keyword:AND',
    'number:1.5e3',
    'comment:-- end',
  ]);
});

it('leaves names alone that contain keywords or digits', () => {
  expect(kinds('SELECT selection, t1.from_x FROM t1')).toEqual(['keyword:SELECT', 'keyword:FROM']);
});

it('takes strings and comments that never end', () => {
  expect(kinds(`SELECT 'abc`)).toEqual(['keyword:SELECT', `string:'abc`]);
  expect(kinds('SELECT /* abc')).toEqual(['keyword:SELECT', 'comment:/* abc']);
});

it('loses no character of any text', () => {
  const fragment = fc.constantFrom("'", '"', '`', '[', ']', '--', '/*', '*/', '\n', 'SELECT', '(');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.oneof(fragment, fc.string())).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (sql) => {
      expect(
        sqlTokens(sql)
          .map((token) => token.text)
          .join(''),
      ).toBe(sql);
    }),
  );
});
