// The one inner loop behind products and attention: blocks of 4 × 8 of C (+)= A · B. A and B are read in
// place through strides. Every element is summed over k in order, starting from 0 or from C: how a
// product is cut into blocks and which other rows are in it never shows in its bits.
import { madd } from './simd';

/**
 * `rows` (1 to 4) × 8 of C. Missing rows repeat the last one, which costs nothing more than a full
 * block and needs no second loop.
 *
 * @param rowStep @param kStep bytes between rows and between columns of A
 * @param fresh starts from 0 instead of C
 */
export function tile(
  a: usize, rowStep: usize, kStep: usize, b: usize, bStep: usize, c: usize, cStep: usize,
  rows: i32, K: i32, fresh: bool,
): void {
  let a0 = a;
  let a1 = rows > 1 ? a0 + rowStep : a0;
  let a2 = rows > 2 ? a1 + rowStep : a1;
  let a3 = rows > 3 ? a2 + rowStep : a2;
  const o1 = rows > 1 ? c + cStep : c;
  const o2 = rows > 2 ? o1 + cStep : o1;
  const o3 = rows > 3 ? o2 + cStep : o2;
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  if (!fresh) {
    c00 = v128.load(c);
    c01 = v128.load(c, 16);
    c10 = v128.load(o1);
    c11 = v128.load(o1, 16);
    c20 = v128.load(o2);
    c21 = v128.load(o2, 16);
    c30 = v128.load(o3);
    c31 = v128.load(o3, 16);
  }
  for (let k = 0; k < K; k++) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    b += bStep;
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
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(o1, c10);
  v128.store(o1, c11, 16);
  v128.store(o2, c20);
  v128.store(o2, c21, 16);
  v128.store(o3, c30);
  v128.store(o3, c31, 16);
}

/** `tile` for the last four columns. */
function narrowTile(
  a: usize, rowStep: usize, kStep: usize, b: usize, bStep: usize, c: usize, cStep: usize,
  rows: i32, K: i32, fresh: bool,
): void {
  for (let i = 0; i < rows; i++) {
    let sum = fresh ? f32x4.splat(0) : v128.load(c);
    let x = a;
    let y = b;
    for (let k = 0; k < K; k++) {
      sum = madd(sum, v128.load32_splat(x), v128.load(y));
      x += kStep;
      y += bStep;
    }
    v128.store(c, sum);
    a += rowStep;
    c += cStep;
  }
}

/** C (M, N) (+)= A (M, K) · B (K, N) through strides in bytes; N is a multiple of four. */
export function multiply(
  a: usize, rowStep: usize, kStep: usize, b: usize, bStep: usize, c: usize, cStep: usize,
  M: i32, N: i32, K: i32, fresh: bool,
): void {
  for (let j = 0; j < N; j += 8) {
    const column = <usize>j << 2;
    for (let i = 0; i < M; i += 4) {
      const from = a + <usize>i * rowStep;
      const to = c + <usize>i * cStep + column;
      const rows = min(4, M - i);
      if (j + 8 <= N) tile(from, rowStep, kStep, b + column, bStep, to, cStep, rows, K, fresh);
      else narrowTile(from, rowStep, kStep, b + column, bStep, to, cStep, rows, K, fresh);
    }
  }
}

/** out = the transpose of `rows` rows of `columns` floats, a multiple of four; whole rows of four are read. */
export function transpose(
  from: usize, rowBytes: usize, rows: i32, columns: i32, out: usize, outBytes: usize,
): void {
  let t = 0;
  for (; t + 4 <= rows; t += 4) {
    const r0 = from + <usize>t * rowBytes;
    const r1 = r0 + rowBytes;
    const r2 = r1 + rowBytes;
    const r3 = r2 + rowBytes;
    let to = out + (<usize>t << 2);
    for (let d: usize = 0; d < <usize>columns << 2; d += 16) {
      const x0 = v128.load(r0 + d);
      const x1 = v128.load(r1 + d);
      const x2 = v128.load(r2 + d);
      const x3 = v128.load(r3 + d);
      const low01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
      const low23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
      const high01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
      const high23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f64>(low01, low23, 0, 2));
      to += outBytes;
      v128.store(to, v128.shuffle<f64>(low01, low23, 1, 3));
      to += outBytes;
      v128.store(to, v128.shuffle<f64>(high01, high23, 0, 2));
      to += outBytes;
      v128.store(to, v128.shuffle<f64>(high01, high23, 1, 3));
      to += outBytes;
    }
  }
  for (; t < rows; t++) {
    const row = from + <usize>t * rowBytes;
    let to = out + (<usize>t << 2);
    for (let d = 0; d < columns; d++) {
      store<f32>(to, load<f32>(row + (<usize>d << 2)));
      to += outBytes;
    }
  }
}

/**
 * Copies rows side by side. Rows of one head lie a power of two apart in qkv, where they would share a few
 * lines of the cache.
 */
export function gatherHead(from: usize, rowBytes: usize, rows: i32, bytes: usize, out: usize): void {
  for (let t: usize = 0; t < <usize>rows; t++) {
    for (let d: usize = 0; d < bytes; d += 16) v128.store(out + d, v128.load(from + d));
    from += rowBytes;
    out += bytes;
  }
}

/** The reverse of `gatherHead`. */
export function scatterHead(from: usize, rows: i32, bytes: usize, out: usize, rowBytes: usize): void {
  for (let t: usize = 0; t < <usize>rows; t++) {
    for (let d: usize = 0; d < bytes; d += 16) v128.store(out + d, v128.load(from + d));
    from += bytes;
    out += rowBytes;
  }
}
