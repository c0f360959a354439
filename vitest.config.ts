import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

/** Where .ci/run wants the results of both test runners, for counting. */
const reports = process.env['STEPSQL_REPORTS'];

export default defineConfig({
  plugins: [svelte()], // state of the page lives in .svelte.ts
  test: {
    include: ['src/**/*.test.ts', 'workers/**/*.test.ts', 'test/**/*.test.ts'],
    setupFiles: ['test/sql-parser.setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks', // tfjs and sql.js keep global state: one process per file
    maxWorkers: 2,
    ...(reports && {
      reporters: ['default', ['json', { outputFile: `${reports}/unit.json` }]],
    }),
  },
});
