// Writes THIRD_PARTY_LICENSES.txt: the licences of everything the package or the page ships. Fails,
// writing nothing, on a licence that is not plainly permissive (so on any GPL). Run after `npm ci`.
// `--check` only verifies that the file is up to date with the lockfile.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const target = 'THIRD_PARTY_LICENSES.txt';

const permissive = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
]);

// Development dependencies of which a part ends up in the page or in our WebAssembly. The build of the
// page fails when one is missing here (tools/vite-licences.ts).
const bundled = new Set(
  [
    'assemblyscript',
    'clsx',
    'comlink',
    'esm-env',
    'idb',
    'svelte',
    'uplot',
    'workbox-core',
    'workbox-precaching',
    'workbox-routing',
    'workbox-strategies',
  ].map((name) => `node_modules/${name}`),
);

const isPermissive = (expression) =>
  expression
    .replace(/^\(|\)$/g, '')
    .split(' AND ')
    .every((part) => part.split(' OR ').some((id) => permissive.has(id)));

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const shipped = Object.entries(packages)
  .filter(([path, { dev, devOptional }]) => path && (bundled.has(path) || (!dev && !devOptional)))
  .map(([path, { version, license }]) => {
    const file = readdirSync(path).find((name) => /^(licen[cs]e|copying)/i.test(name));
    return {
      name: `${path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)} ${version}`,
      license: license ?? 'none stated',
      text: file && readFileSync(`${path}/${file}`, 'utf8').replaceAll('\r\n', '\n').trim(),
    };
  });

const refused = shipped.filter(({ license }) => !isPermissive(license));
if (refused.length > 0) {
  for (const { name, license } of refused) console.error(`${name}: ${license} is not permissive`);
  process.exit(1);
}

// One section per text, with all the packages under it. Packages without a file (tfjs) state their
// licence only; its text stands below under another package.
const sections = new Map();
for (const {
  name,
  license,
  text = 'Licence text: not in the package; see the licence named.',
} of shipped) {
  if (!sections.has(text)) sections.set(text, new Set());
  sections.get(text).add(`${name} (${license})`);
}

const rule = '-'.repeat(80);
const body = [...sections].map(([text, names]) => `${[...names].sort().join('\n')}\n\n${text}`);
const content = `StepSQL contains or depends on the following packages.\n\n${body.join(`\n\n${rule}\n\n`)}\n`;
if (!process.argv.includes('--check')) {
  writeFileSync(target, content);
  console.log(`${target}: ${shipped.length} packages`);
} else if (readFileSync(target, 'utf8') !== content) {
  console.error(`${target} is out of date: run node tools/third-party-licenses.js`);
  process.exitCode = 1;
}
