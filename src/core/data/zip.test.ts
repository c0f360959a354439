import fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { zipSource } from './zip.ts';

describe('zipSource', () => {
  const file = new Uint8Array([1, 2, 3]);

  it('lists files and reads them', async () => {
    const source = zipSource(zipSync({ 'd/b': file, a: file, '__MACOSX/._a': file }), 'z.zip');
    expect(await source.list()).toEqual(['a', 'd/b']);
    expect(await source.read('d/b')).toEqual(file);
    await expect(source.read('nothing')).rejects.toThrow(/z\.zip: file: got "nothing"/);
  });

  it.each(['../a', 'a/../../b', '/a', 'a\\b', 'C:a', 'a//b', './a'])('refuses %j', (path) => {
    expect(() => zipSource(zipSync({ [path]: file }))).toThrow(/entry name: got .* inside/);
  });

  it('keeps its limits', () => {
    const archive = zipSync({ a: new Uint8Array(5000), b: new Uint8Array(5000) });
    expect(() => zipSource(archive, 'z', { entries: 1 })).toThrow(/entries: got 2, .* at most 1/);
    expect(() => zipSource(archive, 'z', { fileBytes: 4999 })).toThrow(/size of a: got 5000/);
    expect(() => zipSource(archive, 'z', { totalBytes: 9999 })).toThrow(/in all: got 10000/);
  });

  it('does not unpack more than an entry declares', async () => {
    const archive = zipSync({ a: new Uint8Array(5000) });
    const view = new DataView(archive.buffer, archive.byteOffset);
    const directory = view.getUint32(archive.length - 6, true);
    view.setUint32(directory + 24, 10, true);
    expect(await zipSource(archive).read('a')).toHaveLength(10);
  });

  it('throws nothing but its own errors on any bytes', async () => {
    const archive = zipSync({ a: new Uint8Array(50), 'b/c': file });
    const change = fc.tuple(fc.nat(archive.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 5 }), fc.boolean(), async (changes, cut) => {
        const bytes = archive.slice(0, cut ? changes[0]?.[0] : undefined);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const source = zipSource(bytes, 'z', { fileBytes: 10_000 });
          for (const path of await source.list()) await source.read(path);
        } catch (error) {
          expect(error).toHaveProperty('code', 'bad_input');
        }
      }),
      { numRuns: 300 },
    );
  });
});
