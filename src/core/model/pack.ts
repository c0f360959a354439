/**
 * Packs texts into rows of equal length. An item is a prompt with one or more completions that all see
 * it: the prompt is computed once however many completions follow, and short items share a row.
 */
import { tf, type Tensor1D } from '#tfjs';
import type { TokenBatch } from './policy.ts';
import { PACK, type PackOptions } from './shapes.ts';

export interface PackItem {
  prompt: Int32Array;
  completions: Int32Array[];
}

/** Where the tokens went, as plain arrays: all but `rows` and `targets` have B·T entries. */
export interface Packed {
  batch: number;
  length: number;
  tokens: Int32Array;
  position: Int32Array;
  prefixStart: Int32Array;
  prefixEnd: Int32Array;
  segmentStart: Int32Array;
  /** Row whose hidden state predicts each completion token: items, then completions, in order. */
  rows: Int32Array;
  /** The completion tokens themselves, same order. */
  targets: Int32Array;
}

const size = (item: PackItem): number =>
  item.completions.reduce((sum, { length }) => sum + length, item.prompt.length);

export function pack(items: PackItem[], { rowLength, multiple }: PackOptions = PACK): Packed {
  const longest = Math.max(rowLength, ...items.map(size));
  const length = Math.ceil(longest / multiple) * multiple;
  const used: number[] = [];
  const placed = items.map((item) => {
    const needs = size(item);
    let row = used.findIndex((taken) => taken + needs <= length);
    if (row < 0) row = used.push(0) - 1;
    const start = used[row]!;
    used[row] = start + needs;
    return { item, row, start };
  });
  const total = used.length * length;
  const packed: Packed = {
    batch: used.length,
    length,
    tokens: new Int32Array(total),
    position: new Int32Array(total),
    prefixStart: new Int32Array(total),
    prefixEnd: new Int32Array(total),
    // Padding sees only itself.
    segmentStart: Int32Array.from({ length: total }, (_, i) => i % length),
    rows: new Int32Array(items.reduce((sum, i) => sum + size(i) - i.prompt.length, 0)),
    targets: new Int32Array(0),
  };
  packed.targets = new Int32Array(packed.rows.length);
  let target = 0;
  for (const { item, row, start } of placed) {
    const base = row * length;
    const { prompt, completions } = item;
    const end = start + prompt.length;
    for (let i = 0; i < prompt.length; i++) {
      packed.tokens[base + start + i] = prompt[i]!;
      packed.position[base + start + i] = i;
      packed.segmentStart[base + start + i] = start;
    }
    let at = end;
    for (const completion of completions) {
      const segment = at;
      for (let i = 0; i < completion.length; i++, at++) {
        packed.tokens[base + at] = completion[i]!;
        packed.position[base + at] = prompt.length + i;
        packed.prefixStart[base + at] = start;
        packed.prefixEnd[base + at] = end;
        packed.segmentStart[base + at] = segment;
        packed.rows[target] = base + (i === 0 ? end : at) - 1;
        packed.targets[target++] = completion[i]!;
      }
    }
  }
  return packed;
}

/** Uploads packed rows. The caller disposes (or runs inside tf.tidy). */
export function toTensors(packed: Packed): {
  input: TokenBatch;
  rows: Tensor1D;
  targets: Tensor1D;
} {
  const upload = (values: Int32Array): Tensor1D => tf.tensor1d(values, 'int32');
  return {
    input: {
      tokens: upload(packed.tokens),
      position: upload(packed.position),
      visibility: {
        prefixStart: upload(packed.prefixStart),
        prefixEnd: upload(packed.prefixEnd),
        segmentStart: upload(packed.segmentStart),
      },
      batch: packed.batch,
    },
    rows: upload(packed.rows),
    targets: upload(packed.targets),
  };
}
