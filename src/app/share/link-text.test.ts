import { deflateSync, strToU8 } from 'fflate';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StepSqlError } from '../../core/errors.ts';
import type { Fingerprint } from '../../core/recipe/fingerprint.ts';
import { decodeLink } from '../../core/recipe/link.ts';
import { presetRecipe } from '../../core/recipe/presets.ts';
import { fingerprintText, linkTrouble, nodeCommand, shareLink } from './link-text.ts';

const recipe = presetRecipe('grpo');
const fingerprint: Fingerprint = {
  backend: 'wasm',
  numerics: 1,
  timeouts: 0,
  count: 1,
  head: '0'.repeat(64),
  updates: ['0'.repeat(24)],
};

describe('links', () => {
  it('lead back to the recipe and its fingerprint, on the page they were made on', () => {
    const link = shareLink('https://example.org/stepsql/#/run/1/old', recipe, fingerprint);
    expect(link).toMatch(/^https:\/\/example\.org\/stepsql\/#\/run\/1\/grpo\/0\//);
    expect(decodeLink(link)).toMatchObject({ recipe, fingerprint });
  });

  it('are quoted for a shell', () => {
    expect(nodeCommand('http://h/#/run/1/grpo/0')).toBe(
      "npx stepsql train 'http://h/#/run/1/grpo/0'",
    );
    expect(nodeCommand("http://h/o'b/")).toBe("npx stepsql train 'http://h/o'\\''b/'");
  });

  it('say how much their fingerprint tells apart', () => {
    expect(fingerprintText(fingerprint)).toBe('1 update on wasm');
    expect(fingerprintText({ ...fingerprint, count: 200 })).toBe(
      '200 updates on wasm; the first 1 one by one',
    );
  });
});

describe('a link that cannot be read', () => {
  const payload = (json: unknown) =>
    Buffer.from(deflateSync(strToU8(JSON.stringify(json)))).toString('base64url');
  const whole = shareLink('', recipe, fingerprint);

  it.each<[string, string, RegExp]>([
    ['is cut off', whole.slice(0, -20), /incomplete/],
    ['was changed', `${whole.slice(0, 40)}AAAA${whole.slice(44)}`, /incomplete/],
    ['is no link', '#/run/1/grpo', /incomplete/],
    ['comes from the future', '#/run/2/grpo/0/abc', /newer StepSQL/],
    ['is too long', `#/run/1/grpo/0/${'A'.repeat(70_000)}`, /too long/],
    ['unpacks to too much', `#/run/1/grpo/0/${payload('x'.repeat(300_000))}`, /too much/],
    ['names no preset', '#/run/1/gpro/0', /preset/],
    [
      'has a damaged fingerprint',
      `#/run/1/grpo/0/${payload({ fingerprint: { backend: 'wasm' } })}`,
      /fingerprint/,
    ],
    [
      'asks for a reward there is not',
      `#/run/1/grpo/0/${payload({ set: { reward: { name: 'vibes' } } })}`,
      /does not exist here/,
    ],
  ])('which %s is explained', (_, link, title) => {
    let message = '';
    try {
      decodeLink(link);
    } catch (error) {
      message = (error as StepSqlError).message;
    }
    expect(linkTrouble(message).title).toMatch(title);
  });

  it('is explained whatever the message', () => {
    fc.assert(
      fc.property(fc.string(), (message) => {
        expect(Object.values(linkTrouble(message)).every((text) => text.length > 0)).toBe(true);
      }),
    );
  });
});
