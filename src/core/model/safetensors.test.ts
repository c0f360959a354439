import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StepSqlError } from '../errors.ts';
import { readSafetensors, writeSafetensors, type NamedTensor } from './safetensors.ts';

const tensors = fc
  .uniqueArray(fc.string({ unit: 'grapheme' }), { maxLength: 6 })
  .filter((names) => !names.includes('__metadata__'))
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc
          .array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 })
          .chain((shape): fc.Arbitrary<[string, NamedTensor]> => {
            const size = shape.reduce((product, n) => product * n, 1);
            return fc
              .array(fc.float({ noNaN: true }), { minLength: size, maxLength: size })
              .map((data) => [name, { shape, data: Float32Array.from(data) }]);
          }),
      ),
    ),
  )
  .map((entries) => new Map(entries));

/** A file with this header and so much data. */
function file(header: unknown, data = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === 'string' ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const bits = (data: Float32Array): Uint32Array =>
  new Uint32Array(data.buffer, data.byteOffset, data.length);

describe('safetensors', () => {
  it('reads what it writes, bit for bit', () => {
    fc.assert(
      fc.property(tensors, (tensors) => {
        const bytes = writeSafetensors(tensors, { steps: '3' });
        const read = readSafetensors(bytes);
        expect([...read.keys()].sort()).toEqual([...tensors.keys()].sort());
        for (const [name, { shape, data }] of tensors) {
          expect(read.get(name)!.shape).toEqual(shape);
          expect(bits(read.get(name)!.data)).toEqual(bits(data));
        }
        const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
        expect(header % 8).toBe(0);
      }),
    );
  });

  it('reads from the middle of a larger buffer', () => {
    const data = Float32Array.of(1, -2, 3);
    const written = writeSafetensors(new Map([['a', { shape: [3], data }]]));
    const larger = new Uint8Array(written.length + 7);
    larger.set(written, 3);
    const read = readSafetensors(larger.subarray(3, 3 + written.length));
    expect(read.get('a')!.data).toEqual(data);
  });

  it.each([
    ['F16', [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x8000, 0x7c00, 0x3555]],
    ['BF16', [0x3f80, 0xc000, 0x7f7f, 0x0080, 0x0001, 0x8000, 0x7f80, 0x3eab]],
  ])('reads %s', (dtype, halves) => {
    const data = new Uint8Array(Uint16Array.from(halves).buffer);
    const read = readSafetensors(
      file({ x: { dtype, shape: [2, 4], data_offsets: [0, 16] } }, data),
    );
    const large = dtype === 'F16' ? 65504 : (2 - 2 ** -7) * 2 ** 127;
    const normal = dtype === 'F16' ? 2 ** -14 : 2 ** -126;
    const tiny = dtype === 'F16' ? 2 ** -24 : 2 ** -133;
    const third = dtype === 'F16' ? 0.333251953125 : 0.333984375;
    expect(read.get('x')).toEqual({
      shape: [2, 4],
      data: Float32Array.of(1, -2, large, normal, tiny, -0, Infinity, third),
    });
  });

  const entry = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };
  const four = new Uint8Array(4);
  it.each<[string, Uint8Array, string]>([
    ['an empty file', new Uint8Array(0), 'f'],
    ['a header longer than the file', file({}).fill(255, 0, 2), 'f: header length'],
    ['a header of 2^60 bytes', file({}).fill(16, 7, 8), 'f: header length'],
    ['no JSON', file('{"a":'), 'f: header'],
    ['a list', file([]), 'f: header'],
    ['null', file(null), 'f: header'],
    ['an entry that is null', file({ a: null }), 'f: a.dtype'],
    ['a dtype that is not read', file({ a: { ...entry, dtype: 'I64' } }, four), 'f: a.dtype'],
    ['a dtype of Object', file({ a: { ...entry, dtype: 'toString' } }, four), 'f: a.dtype'],
    ['a negative size', file({ a: { ...entry, shape: [-1] } }, four), 'f: a.shape'],
    ['a size and a half', file({ a: { ...entry, shape: [1.5] } }, four), 'f: a.shape'],
    ['a shape that is a number', file({ a: { ...entry, shape: 1 } }, four), 'f: a.shape'],
    ['one offset', file({ a: { ...entry, data_offsets: [0] } }, four), 'f: a.data_offsets'],
    [
      'offsets reversed',
      file({ a: { ...entry, data_offsets: [4, 0] } }, four),
      'f: a.data_offsets',
    ],
    ['data beyond the end', file({ a: entry }), 'f: a.data_offsets'],
    [
      'a shape larger than the data',
      file({ a: { ...entry, shape: [1 << 30, 1 << 30] } }, four),
      'f: a.data_offsets',
    ],
    ['the same data twice', file({ a: entry, b: entry }, four), 'f: b.data_offsets'],
    ['data nobody owns', file({ a: entry }, new Uint8Array(8)), 'f: data'],
    [
      'a gap',
      file({ a: { ...entry, data_offsets: [4, 8] } }, new Uint8Array(8)),
      'f: a.data_offsets',
    ],
  ])('refuses %s', (_, bytes, field) => {
    expect(() => readSafetensors(bytes, 'f')).toThrow(
      expect.objectContaining({ code: 'bad_input', field }) as Error,
    );
  });

  it('a damaged file is read or refused, never anything else', () => {
    const whole = writeSafetensors(
      new Map([
        ['a', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
        ['b', { shape: [], data: Float32Array.of(5) }],
      ]),
    );
    const place = fc.nat({ max: whole.length - 1 });
    const edits = fc.array(fc.tuple(place, fc.nat({ max: 255 })), { maxLength: 4 });
    fc.assert(
      fc.property(edits, fc.nat({ max: whole.length }), (edits, length) => {
        const bytes = whole.slice(0, edits.length > 2 ? length : undefined);
        for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
        try {
          readSafetensors(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(StepSqlError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
