/** tools/tfjs-node.js: what it decides, and what it says where it cannot go on. It installs nothing here. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from './cli.test-helper.ts';

interface Script {
  readOptions(
    args: string[],
    env: Record<string, string>,
  ): { into: string; cache: string } | undefined;
  wheelFor(
    platform: string,
    arch: string,
    glibc: string | undefined,
  ): { name: string; platforms: string[] };
  napiVersion(offered: number[], own: number): number;
  gypCommand(folder: string, napi: number, ownNapi: number): string;
}

const path = join(root, 'tools/tfjs-node.js');
let script: Script;
let folder: string;

beforeAll(async () => {
  script = (await import(pathToFileURL(path).href)) as Script;
  folder = mkdtempSync(join(tmpdir(), 'stepsql-tfjs-node-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('tools/tfjs-node.js', () => {
  it('installs into this project and caches where caches belong, unless told', () => {
    const { into, cache } = script.readOptions([], { XDG_CACHE_HOME: '/caches' })!;
    expect(into).toBe(root);
    expect(cache).toBe('/caches/stepsql');
    const told = script.readOptions(['--into', '/a', '--cache', '/b'], {});
    expect(told).toEqual({ into: '/a', cache: '/b' });
    expect(() => script.readOptions(['--into', '/a b'], {})).toThrow('a folder with a space');
  });

  it('knows the wheel of a machine, and the machines without one', () => {
    expect(script.wheelFor('linux', 'x64', '2.36')).toEqual({
      name: 'tensorflow-cpu',
      platforms: ['manylinux_2_17_x86_64', 'manylinux2014_x86_64'],
    });
    expect(script.wheelFor('linux', 'arm64', '2.36').name).toBe('tensorflow');
    for (const [platform, arch, glibc, told] of [
      ['darwin', 'arm64', undefined, 'darwin arm64'],
      ['win32', 'x64', undefined, 'win32 x64'],
      ['linux', 'x64', undefined, 'linux without glibc'],
      ['linux', 'riscv64', '2.36', 'linux riscv64'],
    ] as const) {
      expect(() => script.wheelFor(platform, arch, glibc)).toThrow(`not for ${told}: `);
    }
  });

  it('builds for the Node-API version that tfjs-node will look for', () => {
    expect(script.napiVersion([3, 4, 5, 6, 7, 8], 9)).toBe(8);
    expect(script.napiVersion([3, 4, 5, 6, 7, 8], 5)).toBe(5);
    expect(() => script.napiVersion([3], 2)).toThrow('too old');
    const command = script.gypCommand('/x/tfjs-node', 8, 10);
    expect(command).toContain('--module_path=/x/tfjs-node/lib/napi-v8 ');
    expect(command).toContain('--napi_version=10 --napi_build_version=8');
  });

  const start = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    spawnSync(process.execPath, [path, ...args], { encoding: 'utf8', env });

  it('explains itself', () => {
    const { status, stdout } = start(process.env, '--help');
    expect(status).toBe(0);
    expect(stdout).toContain('On macOS and Windows');
    expect(start(process.env, '--what').stderr).toMatch(/^tfjs-node: Unknown option '--what'/);
  });

  it.runIf(process.platform === 'linux')('says what is missing, and leaves nothing behind', () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const cache = join(folder, 'cache');
    const args = ['--into', join(folder, 'project'), '--cache', cache];
    const { status, stderr } = start({ PATH: empty }, ...args);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tfjs-node: python3 with pip is needed/);
    expect(stderr).not.toContain('    at ');
    expect([existsSync(cache), existsSync(join(folder, 'project'))]).toEqual([false, false]);
  });
});
