/**
 * Puts the Content-Security-Policy into the built page: it needs no headers, so any host will do. A
 * policy in the page does not reach its workers, which obey the headers of their own scripts only; the
 * service worker adds those to what it keeps, so from the second visit on.
 */
import type { Plugin } from 'vite';

// The page reaches nothing but its own files. `wasm-unsafe-eval` allows compiling WebAssembly, not eval.
export const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Only in builds: Vite's development server needs inline scripts and styles. */
export function contentSecurityPolicy(): Plugin {
  return {
    name: 'stepsql:csp',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
        injectTo: 'head-prepend',
      },
    ],
  };
}
