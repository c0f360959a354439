/** Fails the build when it would ship a package whose licence the page does not show. */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

const PACKAGE = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//;

/** @param modules paths of modules that end up in the page or in one of its workers */
export function checkLicensed(modules: Iterable<string>): void {
  const text = readFileSync('THIRD_PARTY_LICENSES.txt', 'utf8');
  const listed = new Set([...text.matchAll(/^(\S+) \d\S* \(.+\)$/gm)].map(([, name]) => name));
  const shipped = new Set([...modules].map((path) => PACKAGE.exec(`/${path}`)?.[1]));
  const missing = [...shipped].filter((name) => name !== undefined && !listed.has(name));
  if (missing.length > 0) {
    throw new Error(
      `THIRD_PARTY_LICENSES.txt lacks ${missing.join(', ')}: add to \`bundled\` in tools/third-party-licenses.js and run it`,
    );
  }
}

/** For the page and, separately, for its workers. */
export function licences(): Plugin {
  return {
    name: 'stepsql:licences',
    apply: 'build',
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
      checkLicensed(
        chunks.flatMap(({ modules }) =>
          Object.keys(modules).filter((id) => modules[id]!.renderedLength > 0),
        ),
      );
    },
  };
}
