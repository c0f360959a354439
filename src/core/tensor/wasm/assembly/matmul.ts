// C = op(A) · op(B), row-major float32. B is packed into panels of eight columns, so that every
// variant runs the same 4 × 8 register tile; A is read in place through two strides.
import { madd } from './simd';

const K_BLOCK: i32 = 256;
const ROW_BLOCK: i32 = 64;

/** Floats of scratch that `matmul` needs. */
export function matmulScratch(n: i32): i32 {
  return K_BLOCK * ((n + 7) & ~7) + 8;
}

function pack(b: usize, k0: i32, kCount: i32, K: i32, N: i32, transB: bool, out: usize): void {
  for (let j = 0; j < N; j += 8) {
    const columns = min(8, N - j);
    if (columns == 8 && !transB) {
      let from = b + ((<usize>k0 * N + j) << 2);
      for (let k = 0; k < kCount; k++) {
        v128.store(out, v128.load(from));
        v128.store(out + 16, v128.load(from + 16));
        out += 32;
        from += <usize>N << 2;
      }
    } else {
      for (let k = 0; k < kCount; k++) {
        for (let c = 0; c < 8; c++) {
          let value: f32 = 0;
          if (c < columns) {
            const index = transB ? <usize>(j + c) * K + (k0 + k) : <usize>(k0 + k) * N + (j + c);
            value = load<f32>(b + (index << 2));
          }
          store<f32>(out + (c << 2), value);
        }
        out += 32;
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function put(c: usize, v0: v128, v1: v128, columns: i32, add: bool, spill: usize): void {
  if (columns == 8) {
    if (add) {
      v0 = f32x4.add(v0, v128.load(c));
      v1 = f32x4.add(v1, v128.load(c + 16));
    }
    v128.store(c, v0);
    v128.store(c + 16, v1);
    return;
  }
  v128.store(spill, v0);
  v128.store(spill + 16, v1);
  for (let j: i32 = 0; j < columns; j++) {
    const at = <usize>j << 2;
    const value = load<f32>(spill + at);
    store<f32>(c + at, add ? load<f32>(c + at) + value : value);
  }
}

function tile4(
  a: usize, rowStep: usize, kStep: usize, panel: usize, K: i32,
  c: usize, cStep: usize, columns: i32, add: bool, spill: usize,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  let a0 = a;
  let a1 = a + rowStep;
  let a2 = a1 + rowStep;
  let a3 = a2 + rowStep;
  for (let k = 0; k < K; k++) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    panel += 32;
    let x = v128.load32_splat(a0);
    c00 = madd(c00, x, b0);
    c01 = madd(c01, x, b1);
    x = v128.load32_splat(a1);
    c10 = madd(c10, x, b0);
    c11 = madd(c11, x, b1);
    x = v128.load32_splat(a2);
    c20 = madd(c20, x, b0);
    c21 = madd(c21, x, b1);
    x = v128.load32_splat(a3);
    c30 = madd(c30, x, b0);
    c31 = madd(c31, x, b1);
    a0 += kStep;
    a1 += kStep;
    a2 += kStep;
    a3 += kStep;
  }
  put(c, c00, c01, columns, add, spill);
  put(c + cStep, c10, c11, columns, add, spill);
  put(c + 2 * cStep, c20, c21, columns, add, spill);
  put(c + 3 * cStep, c30, c31, columns, add, spill);
}

function tile1(
  a: usize, kStep: usize, panel: usize, K: i32,
  c: usize, columns: i32, add: bool, spill: usize,
): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0);
  for (let k = 0; k < K; k++) {
    const x = v128.load32_splat(a);
    c0 = madd(c0, x, v128.load(panel));
    c1 = madd(c1, x, v128.load(panel, 16));
    panel += 32;
    a += kStep;
  }
  put(c, c0, c1, columns, add, spill);
}

/** A is (M, K), or (K, M) when transA; B is (K, N), or (N, K) when transB; C is (M, N). */
export function matmul(
  a: usize, b: usize, c: usize, M: i32, K: i32, N: i32, transA: bool, transB: bool, scratch: usize,
): void {
  const rowStep: usize = transA ? 4 : <usize>K << 2;
  const kStep: usize = transA ? <usize>M << 2 : 4;
  const cStep: usize = <usize>N << 2;
  const spill = scratch;
  const panels = scratch + 32;
  for (let k0 = 0; k0 < K; k0 += K_BLOCK) {
    const kCount = min(K_BLOCK, K - k0);
    pack(b, k0, kCount, K, N, transB, panels);
    const aBlock = a + <usize>k0 * kStep;
    const add = k0 > 0;
    for (let i0 = 0; i0 < M; i0 += ROW_BLOCK) {
      const iEnd = min(i0 + ROW_BLOCK, M);
      for (let j = 0; j < N; j += 8) {
        const columns = min(8, N - j);
        const panel = panels + ((<usize>j * kCount) << 2);
        let i = i0;
        for (; i + 4 <= iEnd; i += 4) {
          tile4(
            aBlock + <usize>i * rowStep, rowStep, kStep, panel, kCount,
            c + <usize>i * cStep + (<usize>j << 2), cStep, columns, add, spill,
          );
        }
        for (; i < iEnd; i++) {
          tile1(
            aBlock + <usize>i * rowStep, kStep, panel, kCount,
            c + <usize>i * cStep + (<usize>j << 2), columns, add, spill,
          );
        }
      }
    }
  }
}
