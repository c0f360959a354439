/** Addresses of the files that workers load, wherever the page is hosted. */
import musicUrl from '/databases/music.sqlite?url';
import sqlWasmUrl from 'sql.js/dist/sql-wasm-browser.wasm?url';
import tfjsSimdUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';

/** For `loadSql`. */
export const sqlWasm: string = sqlWasmUrl;

/**
 * For `setWasmPaths`, which wants all three names. Only the single-thread SIMD build ships: the others
 * add in another order (ARCHITECTURE.md, "Rules that keep results true"). Without SIMD, wasm fails to
 * start rather than give other bits.
 */
export const tfjsWasm = {
  'tfjs-backend-wasm.wasm': tfjsSimdUrl,
  'tfjs-backend-wasm-simd.wasm': tfjsSimdUrl,
  'tfjs-backend-wasm-threaded-simd.wasm': tfjsSimdUrl,
};

/** The address of a file of `public/`, given its path there: `checkpoints/warm-0/config.json`. */
export function publicUrl(path: string): string {
  // Vite knows where this one file of public/ lies, seen from a worker or the page; others lie beside.
  return new URL(`../${path}`, new URL(musicUrl, self.location.href)).href;
}
