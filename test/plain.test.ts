/** `--plain`: the same commands without our kernels, so that anyone can check a result. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunFolder } from '../src/node/run-folder.ts';
import { fingerprintOf, type Fingerprint } from '../src/core/recipe/fingerprint.ts';
import { ensureBuilt, sets, stepsql, TINY_GRPO, TINY_NURSERY } from './cli.test-helper.ts';

let folder: string;

beforeAll(() => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'stepsql-plain-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const train = (name: string, ...args: string[]): ReturnType<typeof stepsql> => {
  const settings = sets({ ...TINY_NURSERY, ...TINY_GRPO });
  const where = ['--backend', 'wasm', '--out', name];
  return stepsql(['train', 'grpo', ...settings, ...where, ...args], { cwd: folder });
};

async function fingerprint(name: string): Promise<Fingerprint> {
  const store = new RunFolder(join(folder, name));
  const { files } = (await store.latestCheckpoint())!;
  await store.close();
  return fingerprintOf(files)!;
}

describe('--plain', () => {
  it('is a backend of its own in the fingerprint, and draws the same tokens', async () => {
    const usual = await train('usual');
    const plain = await train('plain', '--plain');
    expect([usual.status, plain.status]).toEqual([0, 0]);
    expect(plain.stderr).toContain('backend: wasm-plain (asked for; without our kernels');
    const [a, b] = [await fingerprint('usual'), await fingerprint('plain')];
    expect([a.backend, b.backend]).toEqual(['wasm', 'wasm-plain']);
    const tokensAndRewards = ({ updates }: Fingerprint): string => updates[0]!.slice(0, 16);
    expect(tokensAndRewards(b)).toBe(tokensAndRewards(a));
  });

  it('is not mixed with the kernels in one run', async () => {
    const { status, stderr } = await train('plain', '--resume');
    expect(status).toBe(1);
    expect(stderr).toContain('backend: got "wasm", expected wasm-plain, on which this run began');
  });

  it('answers questions alike', async () => {
    const question = 'What is the lowest price of the concerts with city Delhi?';
    const ask = ['ask', question, '--backend', 'wasm', '--json'];
    const [usual, plain] = await Promise.all(
      [ask, [...ask, '--plain']].map((args) => stepsql(args, { cwd: folder })),
    );
    expect(plain!.status).toBe(0);
    expect(JSON.parse(plain!.stdout)).toEqual(JSON.parse(usual!.stdout));
  });
});
