import { expect, it } from 'vitest';
import { missing, persist, usage, type Scope } from './platform.ts';

const storage = {
  persisted: async () => false,
  persist: async () => true,
  estimate: async () => ({ usage: 5, quota: 100 }),
};

const whole: Scope = {
  isSecureContext: true,
  indexedDB: {},
  navigator: { gpu: {}, locks: {}, serviceWorker: {}, clipboard: {}, storage },
};

const withStorage = (changes: object): Scope => ({
  ...whole,
  navigator: { ...whole.navigator, storage: { ...storage, ...changes } },
});

const refuse = () => Promise.reject(new TypeError('not here'));

it('lacks nothing in a browser that has it all', () => {
  expect(missing(whole)).toEqual([]);
});

it('says once what plain http takes away', () => {
  const plain: Scope = { isSecureContext: false, indexedDB: {}, navigator: {} };
  expect(missing(plain)).toEqual([
    {
      feature: 'secure context',
      why: expect.stringMatching(/plain http.*https, or on localhost\.$/),
    },
  ]);
});

it('names each thing another browser lacks, with its consequence', () => {
  const bare: Scope = { isSecureContext: true, navigator: {} };
  const absent = missing(bare);
  expect(absent.map(({ feature }) => feature)).toEqual([
    ...['indexeddb', 'webgpu', 'locks', 'service worker', 'clipboard', 'persistent storage'],
  ]);
  expect(new Set(absent.map(({ why }) => why)).size).toBe(absent.length);
});

it('asks the browser to keep runs', async () => {
  expect(await persist(whole)).toBe('kept');
  const never = () => expect.unreachable();
  expect(await persist(withStorage({ persisted: async () => true, persist: never }))).toBe('kept');
  expect(await persist(withStorage({ persist: async () => false }))).toBe('may be evicted');
  expect(await persist(withStorage({ persist: refuse }))).toBe('unknown');
  expect(await persist({ ...whole, navigator: {} })).toBe('unknown');
});

it('says what is used', async () => {
  expect(await usage(whole)).toEqual({ used: 5, quota: 100 });
  expect(await usage(withStorage({ estimate: async () => ({ usage: 5 }) }))).toBeUndefined();
  expect(await usage(withStorage({ estimate: refuse }))).toBeUndefined();
  expect(await usage({ ...whole, navigator: {} })).toBeUndefined();
});
