import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// `base: './'` lets the page be hosted from any sub-path without special headers.
export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: { outDir: 'dist/page', target: 'es2022' },
  worker: { format: 'es' },
});
