// Bundles the headless entries into dist/node: Node 20 runs no TypeScript. Dependencies stay external,
// so tfjs and sql.js load their own wasm files from node_modules.
import { build } from 'esbuild';
import { existsSync } from 'node:fs';

const entries = {
  cli: 'src/node/cli.ts',
  'replica.worker': 'src/node/replica.worker.ts',
  'sql.worker': 'src/node/sql.worker.ts',
  bench: 'bench/bench.ts',
  'bench-page': 'bench/page.ts',
  'bench-spider': 'bench/spider.ts',
};

await build({
  entryPoints: Object.fromEntries(Object.entries(entries).filter(([, path]) => existsSync(path))),
  outdir: 'dist/node',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  conditions: ['node'],
  sourcemap: 'linked',
  logLevel: 'warning',
});
