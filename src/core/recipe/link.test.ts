import { deflateSync, strToU8 } from 'fflate';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { StepSqlError } from '../errors.ts';
import { arbitraryRecipe } from './arbitrary.test-helper.ts';
import { applySet } from './change.ts';
import type { Fingerprint } from './fingerprint.ts';
import { decodeLink, encodeLink } from './link.ts';
import { parseRecipe } from './parse.ts';
import { presetRecipe } from './presets.ts';
import { APP_VERSION, NUMERICS_VERSION } from './version.ts';

const fingerprint: Fingerprint = {
  backend: 'wasm',
  numerics: NUMERICS_VERSION,
  timeouts: 1,
  count: 2,
  head: '0123456789abcdef'.repeat(4),
  updates: ['0123456789abcdef01234567', 'fedcba9876543210fedcba98'],
};

/** A link whose payload is any bytes at all. */
const linkOf = (payload: Uint8Array, head = '/run/1/grpo/0/') =>
  `#${head}${Buffer.from(payload).toString('base64url')}`;

const linkOfJson = (json: unknown, head?: string) =>
  linkOf(deflateSync(strToU8(JSON.stringify(json))), head);

/** Nothing but a valid recipe or a StepSqlError may come of a link. */
function survives(link: string): void {
  try {
    const { recipe } = decodeLink(link);
    expect(parseRecipe(recipe)).toEqual(recipe);
  } catch (error) {
    if (!(error instanceof StepSqlError)) throw error;
  }
}

describe('a link', () => {
  it('brings back any recipe, without notes', () => {
    fc.assert(
      fc.property(arbitraryRecipe, (recipe) => {
        const { notes, ...decoded } = decodeLink(encodeLink(recipe));
        expect(decoded.recipe).toEqual(recipe);
        expect(notes).toEqual([]);
      }),
    );
  });

  it('is the same for equal recipes and small for a preset', () => {
    const recipe = applySet(presetRecipe('execution'), 'seed=7', 'grpo.beta=0.01');
    const reversed = parseRecipe(Object.fromEntries(Object.entries(recipe).reverse()));
    expect(encodeLink(reversed)).toBe(encodeLink(recipe));
    expect(encodeLink(recipe)).toMatch(/^#\/run\/1\/execution\/7\/[\w-]+$/);
    expect(encodeLink(recipe).length).toBeLessThan(200);
  });

  it('carries a fingerprint, the app and its numerics', () => {
    expect(decodeLink(encodeLink(presetRecipe('grpo'), fingerprint))).toEqual({
      recipe: presetRecipe('grpo'),
      preset: 'grpo',
      app: APP_VERSION,
      numerics: NUMERICS_VERSION,
      fingerprint,
      notes: [],
    });
  });

  it('keeps the head and the first updates of a long fingerprint', () => {
    const updates = Array.from({ length: 9000 }, (_, i) => i.toString(16).padStart(24, '0'));
    const link = encodeLink(presetRecipe('grpo'), { ...fingerprint, count: 9000, updates });
    const { fingerprint: read } = decodeLink(link);
    expect(read).toMatchObject({ count: 9000, head: fingerprint.head });
    expect(read?.updates).toEqual(updates.slice(0, 40));
  });

  it('is read from a whole address, and without a payload', () => {
    const link = encodeLink(applySet(presetRecipe('sft'), 'seed=3'));
    expect(decodeLink(` https://example.org/stepsql/${link}\n`).recipe.seed).toBe(3);
    expect(decodeLink('#/run/1/rejection-sft/12').recipe).toEqual(
      applySet(presetRecipe('rejection-sft'), 'seed=12'),
    );
  });

  it('says what was clamped, unknown or contradictory', () => {
    const decoded = decodeLink(
      linkOfJson(
        {
          app: '9.9.9',
          numerics: NUMERICS_VERSION + 1,
          preset: 'grpo',
          seed: 5,
          mood: 'good',
          set: { grpo: { beta: 99, sparkle: 1 } },
        },
        '/run/1/sft/6/',
      ),
    );
    expect(decoded).toMatchObject({
      app: '9.9.9',
      preset: 'grpo',
      recipe: { method: 'grpo', seed: 5, version: 1, grpo: { beta: 10 } },
    });
    expect(decoded.notes).toEqual([
      'mood: unknown here, left out',
      'preset: the address says sft, the payload grpo, which counts',
      'seed: the address says 6, the payload 5, which counts',
      `numerics: made with ${NUMERICS_VERSION + 1}, here ${NUMERICS_VERSION}: replays, may drift`,
      'grpo.beta: 99 clamped to 10',
      'grpo.sparkle: unknown here, left out',
    ]);
  });

  it.each<[string, string, string]>([
    ['no link', 'hello', 'link: got "hello", expected a link with #/run/1/'],
    ['a newer version', '#/run/2/grpo/0/x', 'version: got 2, expected a version from 1 to 1'],
    ['version 0', '#/run/0/grpo/0/x', 'version: got 0, expected a version from 1 to 1'],
    ['an unknown preset', '#/run/1/grop/0', 'link.preset: got "grop", expected one of sft, grpo'],
    ['no deflate', '#/run/1/grpo/0/AAAA', 'link.payload: got "AAAA", expected the whole of a link'],
    ['a list', linkOfJson([]), 'link.payload: got [], expected an object'],
    ['no text', linkOf(deflateSync(new Uint8Array([0xff]))), 'link.payload: got'],
    ['a wrong type', linkOfJson({ set: { grpo: { beta: '1' } } }), 'grpo.beta: got "1"'],
    ['a wrong set', linkOfJson({ set: 3 }), 'link.set: got 3'],
    ['a wrong fingerprint', linkOfJson({ fingerprint: { head: 1 } }), 'fingerprint.'],
    ['a long link', `#/run/1/grpo/0/${'A'.repeat(70_000)}`, 'expected at most 65536 characters'],
  ])('is refused when it is %s', (_, link, message) => {
    expect(() => decodeLink(link)).toThrow(StepSqlError);
    expect(() => decodeLink(link)).toThrow(message);
  });

  it('is refused when anything follows the payload or its last character was changed', () => {
    fc.assert(
      fc.property(
        arbitraryRecipe,
        fc.uint8Array({ minLength: 1, maxLength: 20 }),
        (recipe, more) => {
          const link = encodeLink(recipe);
          const [head, payload] = [link.slice(0, link.lastIndexOf('/')), link.split('/').at(-1)!];
          const longer = Buffer.concat([Buffer.from(payload, 'base64url'), more]);
          expect(() => decodeLink(linkOf(longer, `${head.slice(1)}/`))).toThrow('damaged');
        },
      ),
    );
    const link = encodeLink(presetRecipe('grpo'));
    const spare = 'ABCDEFGHIJKLMNOP'.split('').filter((last) => {
      try {
        return decodeLink(link.slice(0, -1) + last);
      } catch {
        return false;
      }
    });
    expect(spare).toHaveLength(1);
  });

  it('is refused when it would inflate to too much', () => {
    const bomb = deflateSync(new Uint8Array(40_000_000).fill(32), { level: 9 });
    expect(bomb.length).toBeLessThan(45_000);
    expect(() => decodeLink(linkOf(bomb))).toThrow('more than 262144 bytes');
  });

  it('is refused when it is nested too deeply', () => {
    const deep = (open: string, close: string) =>
      linkOf(
        deflateSync(strToU8(`{"set":{"a":${open.repeat(20_000)}1${close.repeat(20_000)}}}`), {
          level: 9,
        }),
      );
    expect(() => decodeLink(deep('[', ']'))).toThrow('at most 32 levels of nesting');
    expect(() => decodeLink(deep('{"a":', '}'))).toThrow('at most 32 levels of nesting');
  });

  it('does not reach prototypes', () => {
    const payload = '{"set":{"__proto__":{"x":1},"grpo":{"__proto__":{"y":1},"constructor":1}}}';
    const { recipe } = decodeLink(linkOf(deflateSync(strToU8(payload))));
    expect(recipe).toEqual(presetRecipe('grpo'));
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('survives tampering, truncation and noise', () => {
    const whole = encodeLink(applySet(presetRecipe('execution'), 'grpo.beta=0.01'), fingerprint);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.string({ maxLength: 3 }), (at, text) => {
        survives(whole.slice(0, at) + text + whole.slice(at + 1));
        survives(whole.slice(0, at));
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => survives(linkOf(bytes))));
    fc.assert(fc.property(fc.jsonValue(), (json) => survives(linkOfJson(json))));
    fc.assert(fc.property(fc.jsonValue(), (set) => survives(linkOfJson({ set }))));
    fc.assert(fc.property(fc.string(), (text) => survives(`#/run/${text}`)));
  });
});

describe('stored links', () => {
  // A snapshot that no longer matches means that published links changed their meaning: raise
  // RECIPE_VERSION and write a migration instead of updating it (new fields that leave old runs as they
  // were may be added). Links made by each version stay here.
  it.each([
    '#/run/1/execution/7/lVDRbsMgDPwXP0cRSZumzQ_sI6apcsDN0BZABtRpUf999qTtoVIfygs-fHecvQGmBBOYtmsNNHDxYSFO7EOBaYMZ7QcFJ4Qr5lX6Nlbt9A28E-q76frdfjiMxxPO1tHlWSyeoa7E3maYugaKXynWIsA0UJPDQlK_PvxHM5OzM56O42HY7_rO_GF4u92ZJ6ZMEh_oi2wtPgaRZyIZZNTid-aFU9RblOf_AL1RL1xJxEtFdqJpICaJ67-Jlf9JyEHWd2aRSPzWGDOIiukqfGUoPQZx2zSJ9VnQi5rBVLjSTc4P',
    '#/run/1/sft/0/HY5LDsMwCAXvwjqKkq4qX6ZyAcso_sm4izbK3YvDBsQMT5zgWwMH27qvGyxQPpm7oILbF2idlYdRDcOYMhO4bQ62PIH88LOH2rOf2ls6mXdIMQ-CJFa4LKYmwe80MTIerUq5Q7H7gdEOciVOk0ch4vJS-bE98HheVn8',
  ])('%s still means what it meant', (link) => {
    const decoded = decodeLink(link);
    expect(decoded.recipe).toMatchSnapshot();
    expect(decoded.notes.filter((note) => !note.startsWith('numerics'))).toEqual([]);
  });
});

describe('versions', () => {
  it('match package.json', () => {
    expect(APP_VERSION).toBe(packageJson.version);
  });
});
