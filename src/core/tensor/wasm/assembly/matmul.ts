// C = op(A) · op(B), row-major float32. B is packed into panels of eight columns and A read in place
// through two strides, so that every variant runs the same register tile.
import { tile, transpose } from './tile';

const K_BLOCK: i32 = 256;
const ROW_BLOCK: i32 = 64;
/** Bytes between the rows of a transposed A from which it is copied: its columns would share few lines of the cache. */
const FAR: i32 = 2048;

/** Floats of scratch that `matmul` needs. */
export function matmulScratch(n: i32): i32 {
  return K_BLOCK * (((n + 7) & ~7) + ROW_BLOCK) + 32;
}

/** Panels of rows k0 … k0 + kCount of op(B): for each eight columns (kCount, 8), zeros beyond the last. */
function pack(b: usize, k0: i32, kCount: i32, K: i32, N: i32, transB: bool, out: usize): void {
  for (let j = 0; j < N; j += 8) {
    const columns = min(8, N - j);
    const bytes = <usize>kCount << 5;
    if (columns < 8) memory.fill(out, 0, bytes);
    if (transB) {
      const whole = kCount & ~3;
      const from = b + ((<usize>j * K + k0) << 2);
      transpose(from, <usize>K << 2, columns, whole, out, 32);
      for (let c = 0; c < columns; c++) {
        for (let k = whole; k < kCount; k++) {
          const value = load<f32>(from + ((<usize>c * K + k) << 2));
          store<f32>(out + (<usize>k << 5) + (<usize>c << 2), value);
        }
      }
    } else {
      let from = b + ((<usize>k0 * N + j) << 2);
      let to = out;
      for (let k = 0; k < kCount; k++) {
        if (columns == 8) {
          v128.store(to, v128.load(from));
          v128.store(to, v128.load(from, 16), 16);
        } else {
          memory.copy(to, from, <usize>columns << 2);
        }
        to += 32;
        from += <usize>N << 2;
      }
    }
    out += bytes;
  }
}

/** `tile` for the last columns of a row, fewer than eight, by way of `spill`. */
function edge(
  a: usize, rowStep: usize, kStep: usize, panel: usize, c: usize, cStep: usize,
  rows: i32, K: i32, fresh: bool, columns: i32, spill: usize,
): void {
  const bytes = <usize>columns << 2;
  for (let i: usize = 0; i < <usize>rows; i++) memory.copy(spill + (i << 5), c + i * cStep, bytes);
  tile(a, rowStep, kStep, panel, 32, spill, 32, rows, K, fresh);
  for (let i: usize = 0; i < <usize>rows; i++) memory.copy(c + i * cStep, spill + (i << 5), bytes);
}

/** A is (M, K), or (K, M) when transA; B is (K, N), or (N, K) when transB; C is (M, N). */
export function matmul(
  a: usize, b: usize, c: usize, M: i32, K: i32, N: i32, transA: bool, transB: bool, scratch: usize,
): void {
  const copied = transA && M << 2 >= FAR;
  const rowStep: usize = transA ? 4 : <usize>K << 2;
  const columnStep: usize = transA ? <usize>M << 2 : 4;
  const kStep: usize = copied ? <usize>ROW_BLOCK << 2 : columnStep;
  const cStep: usize = <usize>N << 2;
  const spill = scratch;
  const copy = spill + 128;
  const panels = copy + ((K_BLOCK * ROW_BLOCK) << 2);
  for (let k0 = 0; k0 < K; k0 += K_BLOCK) {
    const kCount = min(K_BLOCK, K - k0);
    pack(b, k0, kCount, K, N, transB, panels);
    const fresh = k0 == 0;
    for (let i0 = 0; i0 < M; i0 += ROW_BLOCK) {
      const iCount = min(ROW_BLOCK, M - i0);
      let block = a + <usize>k0 * columnStep + <usize>i0 * rowStep;
      if (copied) {
        const bytes = <usize>iCount << 2;
        for (let k: usize = 0; k < <usize>kCount; k++) {
          memory.copy(copy + k * kStep, block + k * columnStep, bytes);
        }
        block = copy;
      }
      for (let j = 0; j < N; j += 8) {
        const columns = min(8, N - j);
        const panel = panels + ((<usize>j * kCount) << 2);
        for (let i = 0; i < iCount; i += 4) {
          const from = block + <usize>i * rowStep;
          const to = c + <usize>(i0 + i) * cStep + (<usize>j << 2);
          const count = min(4, iCount - i);
          if (columns == 8) {
            tile(from, rowStep, kStep, panel, 32, to, cStep, count, kCount, fresh);
          } else {
            edge(from, rowStep, kStep, panel, to, cStep, count, kCount, fresh, columns, spill);
          }
        }
      }
    }
  }
}
