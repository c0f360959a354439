// Writes THIRD_PARTY_LICENSES.txt: the licences of everything the package or the page ships. Fails,
// writing nothing, on a licence that is not plainly permissive (so on any GPL). Run after `npm ci`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

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

// Development dependencies of which a part ends up in the page or in our WebAssembly.
const bundled = new Set(['node_modules/svelte', 'node_modules/assemblyscript']);

const isPermissive = (expression) =>
  expression
    .replace(/^\(|\)$/g, '')
    .split(' AND ')
    .every((part) => part.split(' OR ').some((id) => permissive.has(id)));

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const shipped = Object.entries(packages)
  .filter(([path, { dev, devOptional }]) => path && (bundled.has(path) || (!dev && !devOptional)))
  .map(([path]) => {
    const manifest = JSON.parse(readFileSync(`${path}/package.json`, 'utf8'));
    const file = readdirSync(path).find((name) => /^(licen[cs]e|copying)/i.test(name));
    return {
      name: `${manifest.name} ${manifest.version}`,
      license: manifest.license ?? 'none stated',
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
writeFileSync(
  'THIRD_PARTY_LICENSES.txt',
  `StepSQL contains or depends on the following packages.\n\n${body.join(`\n\n${rule}\n\n`)}\n`,
);
console.log(`THIRD_PARTY_LICENSES.txt: ${shipped.length} packages`);
