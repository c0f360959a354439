/** Before all tests: the harness is built from the sources; page and command line must be there. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { findChromium } from './browser.ts';
import { NODE_CLI, PAGE } from './paths.ts';

export default async function setup(): Promise<void> {
  if (findChromium() === undefined) return;
  for (const path of [PAGE, NODE_CLI]) {
    if (!existsSync(path)) throw new Error(`${path} is not there: \`npm run build\` first`);
  }
  const configFile = fileURLToPath(new URL('harness/vite.config.ts', import.meta.url));
  await build({ configFile, logLevel: 'warn' });
}
