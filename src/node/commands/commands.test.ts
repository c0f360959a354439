import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { badInput } from '../../core/errors.ts';
import { applySet } from '../../core/recipe/change.ts';
import { FingerprintChain } from '../../core/recipe/fingerprint.ts';
import { decodeLink, encodeLink } from '../../core/recipe/link.ts';
import { presetRecipe } from '../../core/recipe/presets.ts';
import { APP_VERSION } from '../../core/recipe/version.ts';
import { RunFolder } from '../run-folder.ts';
import type { Register } from './command.ts';
import { runCommandLine } from './run.ts';

async function run(argv: string[], registered?: Register[]) {
  const written = { stdout: '', stderr: '' };
  const streamOf = (name: keyof typeof written) => ({
    write: (text: string) => void (written[name] += text),
  });
  const io = { stdout: streamOf('stdout'), stderr: streamOf('stderr'), env: {} };
  const code = await runCommandLine(argv, io, registered);
  return { code, ...written };
}

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepsql-cli-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('stepsql link and recipe', () => {
  it('undo each other', async () => {
    const there = await run(['link', 'execution', '--set', 'seed=3', '--set', 'grpo.beta=0.1']);
    expect(there).toMatchObject({ code: 0, stderr: '' });
    const link = there.stdout.trim();
    expect(link).toMatch(/^#\/run\/1\/execution\/3\//);
    const back = await run(['recipe', link]);
    expect(JSON.parse(back.stdout)).toEqual(
      applySet(presetRecipe('execution'), 'seed=3', 'grpo.beta=0.1'),
    );
    await writeFile(join(root, 'recipe.json'), back.stdout);
    const again = await run(['link', join(root, 'recipe.json')]);
    expect(again.stdout.trim()).toBe(link);
  });

  it('put an address before the link', async () => {
    const { stdout } = await run(['link', 'grpo', '--address', 'https://x.org/a/#old']);
    expect(stdout).toMatch(/^https:\/\/x\.org\/a\/#\/run\/1\/grpo\/0\//);
    expect(decodeLink(stdout).recipe).toEqual(presetRecipe('grpo'));
  });

  it('read a run folder, with its fingerprint', async () => {
    const store = new RunFolder(join(root, 'run'));
    const chain = new FingerprintChain('wasm');
    chain.add({ tokens: [], rewards: new Float32Array(1), weights: [] });
    await store.writeRecipe(presetRecipe('sft'));
    await store.saveCheckpoint(1, {
      'trainer_state.json': new TextEncoder().encode(JSON.stringify({ fingerprint: chain })),
    });
    await store.close();
    const { stdout } = await run(['link', store.path]);
    expect(decodeLink(stdout).fingerprint).toEqual(chain.toJSON());
    const changed = await run(['link', store.path, '--set', 'seed=1']);
    expect(decodeLink(changed.stdout).fingerprint).toBeUndefined();
  });

  it('speak JSON, before or after the command', async () => {
    for (const argv of [
      ['--json', 'link', 'grpo'],
      ['link', 'grpo', '--json'],
    ]) {
      const { code, stdout } = await run(argv);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        link: encodeLink(presetRecipe('grpo')),
        notes: [],
      });
    }
  });

  it('note what a link was mended for, beside the result', async () => {
    const link = encodeLink(presetRecipe('grpo')).replace('/grpo/0/', '/grpo/5/');
    const { code, stdout, stderr } = await run(['recipe', link]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ seed: 0 });
    expect(stderr).toBe('note: seed: the address says 5, the payload 0, which counts\n');
  });

  it.each<[string[], string]>([
    [['link', 'grop'], 'error: recipe: got "grop", expected one of sft, grpo, execution, '],
    [['link', 'grpo', '--set', 'grpo.beta=x'], 'error: grpo.beta: got "x", expected a number'],
    [['link', 'grpo', '--set', 'beta=1'], 'did you mean grpo.beta?'],
    [['recipe', '#/run/1/grpo/0/AAAA'], 'error: link.payload: got "AAAA"'],
    [['recipe', tmpdir()], 'expected a run folder with a recipe.json'],
    [['lnik', 'grpo'], "error: unknown command 'lnik'\n(Did you mean link?)"],
    [['link'], "error: missing required argument 'recipe'"],
  ])('refuse %j with exit code 1', async (argv, message) => {
    const { code, stdout, stderr } = await run(argv);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
    const json = await run([...argv, '--json']);
    expect(json).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(json.stderr)).toHaveProperty('error.message');
  });
});

describe('the command line', () => {
  it('prints the version and help with exit code 0', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${APP_VERSION}\n`, stderr: '' });
    const { code, stdout } = await run(['--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('link [options] <recipe>');
  });

  const failing: (error: () => Error) => Register = (error) => (program) => {
    program.command('work').action(() => {
      throw error();
    });
  };

  it('tells bad input in one line, faults of its own with a stack and a hint', async () => {
    const bad = await run(['work'], [failing(() => badInput('seed', -1, 'a seed'))]);
    expect(bad).toEqual({ code: 1, stdout: '', stderr: 'error: seed: got -1, expected a seed\n' });
    const fault = await run(['work'], [failing(() => new TypeError('oops'))]);
    expect(fault.code).toBe(1);
    expect(fault.stderr).toMatch(/^TypeError: oops\n {4}at [\s\S]+Please report it/);
    const json = await run(['work', '--json'], [failing(() => new TypeError('oops'))]);
    expect(JSON.parse(json.stderr)).toEqual({ error: { code: 'internal', message: 'oops' } });
  });

  it('exits with 130 after an interrupted command', async () => {
    const interrupted: Register = (program, session) => {
      program.command('work').action(() =>
        session.interruptible(async (signal) => {
          process.emit('SIGINT');
          session.print(String(signal.aborted), signal.aborted);
        }),
      );
    };
    const { code, stdout, stderr } = await run(['work'], [interrupted]);
    expect({ code, stdout }).toEqual({ code: 130, stdout: 'true\n' });
    expect(stderr).toContain('Finishing this step');
  });
});
