import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { contentSecurityPolicy } from './tools/vite-csp.ts';
import { licences } from './tools/vite-licences.ts';
import { serviceWorker } from './tools/vite-service-worker.ts';

// `base: './'` lets the page be hosted from any sub-path without special headers. Package imports such
// as `#tfjs` resolve to their `default`: Vite's conditions for browsers do not include `node`.
export default defineConfig({
  base: './',
  plugins: [svelte(), contentSecurityPolicy(), licences(), serviceWorker()],
  build: { outDir: 'dist/page', target: 'es2022', modulePreload: { polyfill: false } },
  worker: { format: 'es', plugins: () => [licences()] },
});
