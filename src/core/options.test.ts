import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { parseOptions, readAssignments } from './options.ts';

describe('assignments', () => {
  it('reads JSON values, else text', () => {
    expect(readAssignments(['a=1', 'b = true', 'c=spider', 'd=[1,2]', 'e=x=y', 'f='])).toEqual({
      a: 1,
      b: true,
      c: 'spider',
      d: [1, 2],
      e: 'x=y',
      f: '',
    });
  });

  it('puts dotted keys into each other', () => {
    expect(readAssignments(['a.b=1', 'a.c.d=x', 'e=2', 'e.f=3'])).toEqual({
      a: { b: 1, c: { d: 'x' } },
      e: { f: 3 },
    });
  });

  it('refuses what is none, and keeps hostile keys harmless', () => {
    expect(() => readAssignments(['partial'])).toThrow(/--set: got "partial", expected key=value/);
    const options = readAssignments(['__proto__={"a":1}']);
    expect(Object.hasOwn(options, '__proto__')).toBe(true);
    expect((options as { a?: number }).a).toBeUndefined();
    const nested = readAssignments(['__proto__.a=1', 'constructor.prototype.a=1']);
    expect((nested as { a?: number }).a).toBeUndefined();
    expect(({} as { a?: number }).a).toBeUndefined();
  });
});

describe('parseOptions', () => {
  const schema = v.strictObject({ size: v.optional(v.pipe(v.number(), v.minValue(1)), 2) });

  it('fills defaults in', () => expect(parseOptions(schema, {}, 'x')).toEqual({ size: 2 }));

  it('names field, value and expectation', () => {
    expect(() => parseOptions(schema, { size: 0 }, 'x')).toThrow(/^x\.size: got 0, expected >=1$/);
    expect(() => parseOptions(schema, { size: '2' }, 'x')).toThrow(
      /^x\.size: got "2", expected num/,
    );
    expect(() => parseOptions(schema, { len: 2 }, 'x')).toThrow(
      /^x\.len: got 2, expected one of the options size/,
    );
    expect(() => parseOptions(schema, 5, 'x')).toThrow(/^x: got 5, expected Object/);
  });
});
