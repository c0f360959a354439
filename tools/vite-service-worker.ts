/** Builds src/sw/sw.ts into the page's folder, with the list of the files it keeps for offline use. */
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { Plugin } from 'vite';
import type { PrecacheEntry } from 'workbox-precaching/_types.js';
import { POLICY } from './vite-csp.ts';
import { checkLicensed } from './vite-licences.ts';

/** Vite writes a hash of the content into the names of the files it makes. */
const HASHED = /^assets\/.+-[\w-]{8}\.\w+$/;

/** Kept once they have been used: checkpoints besides the warm start of every visit, the SQL parser. */
const WHEN_USED = /^checkpoints\/(?!warm-0\/)|^assets\/sqlparser_/;

function entryOf(folder: string, url: string): PrecacheEntry {
  const bytes = readFileSync(join(folder, url));
  const hash = createHash('sha256').update(bytes);
  // The integrity keeps a deployment in mid-download from mixing two versions.
  const integrity = `sha256-${hash.copy().digest('base64')}`;
  return { url, revision: HASHED.test(url) ? null : hash.digest('hex').slice(0, 16), integrity };
}

export function serviceWorker(): Plugin {
  let folder = '';
  return {
    name: 'stepsql:service-worker',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir;
    },
    // Last of all, and only when everything else has been written.
    writeBundle: {
      order: 'post',
      sequential: true,
      async handler() {
        const files = readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((file) => file.isFile())
          .map((file) => join(file.parentPath, file.name).slice(folder.length + 1))
          .map((path) => path.replaceAll(sep, '/'))
          .filter((path) => path !== 'sw.js')
          .sort();
        const entries = (kept: (url: string) => boolean) =>
          JSON.stringify(files.filter(kept).map((url) => entryOf(folder, url)));
        const { metafile } = await build({
          entryPoints: ['src/sw/sw.ts'],
          outfile: join(folder, 'sw.js'),
          bundle: true,
          minify: true,
          metafile: true,
          format: 'iife',
          target: 'es2022',
          define: {
            'process.env.NODE_ENV': '"production"',
            POLICY: JSON.stringify(POLICY),
            ENTRIES: entries((url) => !WHEN_USED.test(url)),
            ENTRIES_WHEN_USED: entries((url) => WHEN_USED.test(url)),
          },
          logLevel: 'warning',
        });
        checkLicensed(Object.keys(metafile.inputs));
      },
    },
  };
}
