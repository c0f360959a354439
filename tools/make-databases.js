// Writes public/databases: the small database that `stepsql ask` opens when given none, and questions
// about it. Run again when the Nursery changes. `--check` only verifies that the files are up to date.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const bundle = resolve('dist/make-databases.js');
await build({
  entryPoints: ['tools/music-database.ts'],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
});
const { musicDatabase } = await import(pathToFileURL(bundle).href);
rmSync(bundle);

const folder = 'public/databases';
mkdirSync(folder, { recursive: true });
for (const [name, content] of Object.entries(await musicDatabase())) {
  const path = `${folder}/${name}`;
  if (!process.argv.includes('--check')) {
    writeFileSync(path, content);
    console.log(`${path}: ${content.length} bytes`);
  } else if (!readFileSync(path).equals(Buffer.from(content))) {
    console.error(`${path} is out of date: run node tools/make-databases.js`);
    process.exitCode = 1;
  }
}
