// Prints what the built page weighs, in bytes after gzip: the JavaScript a first visit needs before the
// page can be used, each worker with what it loads, and the other files. `--check` fails when the first
// JavaScript is beyond the limit. Run after `npm run build:page`.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const FIRST_LIMIT = 300_000;
const folder = 'dist/page';

if (!existsSync(folder)) {
  console.error(`${folder} is not there: run npm run build:page`);
  process.exit(1);
}
const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((file) => file.isFile())
  .map((file) => join(file.parentPath, file.name).slice(folder.length + 1));
const read = (path) => readFileSync(join(folder, path));
const size = (path) => gzipSync(read(path), { level: 9 }).length;

/** A chunk with the chunks it imports statically, which load before it runs. */
function withImports(path, seen = new Set()) {
  if (seen.has(path)) return seen;
  seen.add(path);
  const source = read(path).toString();
  for (const [, name] of source.matchAll(
    /(?:^|[;}\s])import\s*(?:[^"'()]*?from\s*)?["']\.\/([^"']+)/g,
  )) {
    withImports(`assets/${name}`, seen);
  }
  return seen;
}

const total = (paths) => [...paths].reduce((sum, path) => sum + size(path), 0);
const line = (name, bytes) => console.log(`${String(bytes).padStart(9)}  ${name}`);

const entries = [
  ...read('index.html')
    .toString()
    .matchAll(/<script[^>]+src="\.\/([^"]+)"/g),
];
const first = new Set(entries.flatMap(([, path]) => [...withImports(path)]));
const firstBytes = total(first);
line(`first JavaScript: ${[...first].join(', ')}`, firstBytes);
for (const path of files.filter((path) => /\.worker-[\w-]+\.js$/.test(path))) {
  line(`worker: ${[...withImports(path)].join(', ')}`, total(withImports(path)));
}
const others = files.filter((path) => !first.has(path) && !/\.worker-[\w-]+\.js$/.test(path));
for (const path of others.sort()) line(path, size(path));

if (process.argv.includes('--check') && !(firstBytes > 0 && firstBytes <= FIRST_LIMIT)) {
  console.error(`first JavaScript: ${firstBytes} bytes, expected at most ${FIRST_LIMIT}`);
  process.exitCode = 1;
}
