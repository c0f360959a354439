/** The package as people get it: what `npm pack` holds works without this checkout. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { APP_VERSION } from '../src/core/recipe/version.ts';
import { ensureBuilt, root, sets, stepsql, TINY_GRPO, TINY_NURSERY } from './cli.test-helper.ts';

interface Manifest {
  version: string;
  bin: { stepsql: string };
  dependencies: Record<string, string>;
  scripts: { prepack: string };
}

/** Without warm starts, which come on top. */
const MAX_PACKED_BYTES = 1_000_000;

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
let folder: string;
let installed: string;
let packed: { size: number; files: { path: string; size: number }[] };

beforeAll(() => {
  ensureBuilt();
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'stepsql-')));
  // Without prepack, which would rebuild what other tests are running: `npm test` has built.
  const npm = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const out = execFileSync('npm', npm, { cwd: root, encoding: 'utf8', stdio: 'pipe' });
  [packed] = JSON.parse(out) as [typeof packed];
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;
  execFileSync('tar', ['-xzf', tarball], { cwd: folder });
  // As npm would lay it out, with the dependencies that package.json declares and no others.
  installed = join(folder, 'node_modules/stepsql');
  mkdirSync(join(folder, 'node_modules'));
  renameSync(join(folder, 'package'), installed);
  for (const name of Object.keys(manifest.dependencies)) {
    const place = join(folder, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), place, 'dir');
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]) =>
  stepsql(args, { cwd: folder, cli: join(installed, manifest.bin.stepsql) });

it('is small and holds what it needs, no sources and no tests', () => {
  const paths = packed.files.map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining([
      ...['LICENSE', 'README.md', 'THIRD_PARTY_LICENSES.txt', 'package.json'],
      ...['dist/node/cli.js', 'dist/node/sql.worker.js'],
      ...['public/databases/music.sqlite', 'public/databases/questions.json'],
    ]),
  );
  expect(paths.filter((path) => /^(src|test|workers|tools|e2e)\//.test(path))).toEqual([]);
  const warm = packed.files.filter(({ path }) => path.startsWith('public/checkpoints/'));
  const warmBytes = warm.reduce((sum, { size }) => sum + size, 0);
  expect(packed.size).toBeLessThan(MAX_PACKED_BYTES + warmBytes);
  expect(manifest.scripts.prepack).toBe('npm run build:node');
});

it('starts as a program of its own', () => {
  const cli = join(installed, manifest.bin.stepsql);
  expect(readFileSync(cli, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  chmodSync(cli, statSync(cli).mode | 0o111); // npm does this when it installs
  const out = execFileSync(cli, ['--version'], { cwd: folder, encoding: 'utf8' });
  expect(out).toBe(`${APP_VERSION}\n`);
  expect(APP_VERSION).toBe(manifest.version);
});

it('finds its files and asks, generates and trains', async () => {
  const asked = await run('ask');
  expect(asked.stderr).toBe('');
  expect(asked.stdout).toContain('music.sqlite');
  const nursery = await run('nursery', '--samples', '1', '--questions', '40');
  expect(nursery.stderr).toBe('');
  expect(nursery.stdout).toMatch(/\n {2}gold +SELECT /);
  const args = ['train', 'grpo', ...sets({ ...TINY_NURSERY, ...TINY_GRPO }), '--out', 'run'];
  const trained = await run(...args);
  expect(trained.status, trained.stderr).toBe(0);
  expect(trained.stdout).toMatch(/^Finished after 2 updates: run\n/);
});
