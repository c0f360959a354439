/** What `train` and its neighbours refuse: field, value, expectation; exit code 1; nothing left behind. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeLink } from '../src/core/recipe/link.ts';
import { presetRecipe } from '../src/core/recipe/presets.ts';
import { createDatabase } from '../src/core/sql/create.ts';
import { loadSql } from '../src/core/sql/load.ts';
import {
  ensureBuilt,
  refusal,
  sets,
  stepsql,
  TINY,
  TINY_GRPO,
  TINY_NURSERY,
} from './cli.test-helper.ts';

const tiny = sets({ ...TINY_NURSERY, ...TINY_GRPO });
/** For files as data, which have no Nursery to set. */
const onFiles = sets({ ...TINY, ...TINY_GRPO });
const link = encodeLink(presetRecipe('grpo'));
let folder: string;
const at = (path: string): string => join(folder, path);

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'stepsql-'));
  const args = ['train', 'grpo', ...tiny, '--out', 'run'];
  expect((await stepsql(args, { cwd: folder })).status).toBe(0);
  const bytes = createDatabase(await loadSql(), ['CREATE TABLE t (x)']);
  mkdirSync(at('nothing'));
  writeFileSync(at('nothing/t.sqlite'), bytes);
  const question = { question: 'which x?', db_id: 't', gold: 'SELECT x FROM t' };
  const questions = [question, { ...question, db_id: 'u' }];
  writeFileSync(at('nothing/u.sqlite'), bytes);
  writeFileSync(at('nothing/questions.json'), JSON.stringify(questions));
  const broken = { ...question, question: 7 };
  mkdirSync(at('wrong'));
  writeFileSync(at('wrong/t.sqlite'), bytes);
  writeFileSync(at('wrong/questions.json'), JSON.stringify([question, broken]));
  const zip = zipSync({ 'questions.json': new TextEncoder().encode('[]') });
  writeFileSync(at('half.zip'), zip.subarray(0, zip.length / 2));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Nothing is there that was not there before. */
async function refused(args: string[], message: string): Promise<void> {
  const stderr = await refusal(['train', ...args, '--out', at('out')]);
  expect(stderr.replaceAll(folder, '')).toContain(`error: ${message}`);
  expect(existsSync(at('out'))).toBe(false);
}

it.each<[string, string[], string]>([
  [
    'a field that does not exist',
    ['grpo', '--set', 'grpo.betta=1'],
    'grpo.betta: got "1", expected a known field (did you mean grpo.beta?)',
  ],
  [
    'a value out of range',
    ['grpo', '--set', 'policy.model.hidden_size=33'],
    'policy.model.hidden_size: got 33, expected a multiple of 8',
  ],
  ['no recipe', ['recipe.json'], 'recipe: got "recipe.json", expected one of sft, grpo, '],
  ['a corrupt link', [`${link.slice(0, -8)}AAAAAAAA`], 'link.payload: got '],
  ['a link cut short', [link.slice(0, -3)], 'link.payload: got '],
  ['no warm start', ['grpo', '--set', 'policy.checkpoint=warm-123456'], 'policy.checkpoint: got'],
])('refuses %s', (_, args, message) => refused(args, message));

it.each<[string, string, string]>([
  ['data that is not there', 'none', 'data: got "/none", expected an existing folder or .zip file'],
  ['a truncated zip', 'half.zip', 'half.zip: got '],
  ['a malformed question', 'wrong', 'questions.json[1].question: got 7, expected a non-empty'],
])('refuses %s', (_, path, message) =>
  refused(['grpo', ...onFiles, '--checkpoint', at('run'), '--data', at(path)], message),
);

it('refuses questions that have no answer, before it writes anything', async () => {
  const args = [
    'train',
    'grpo',
    ...onFiles,
    '--data',
    'nothing',
    '--checkpoint',
    'run',
    '--out',
    'out',
  ];
  const { status, stdout, stderr } = await stepsql(args, { cwd: folder });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain('error: data: got "1 questions", expected one whose gold SQL returns');
  expect(existsSync(at('out'))).toBe(false);
});

it('refuses prompts longer than allowed', () =>
  refused(
    ['grpo', ...tiny, '--checkpoint', at('run'), '--set', 'prompt.max_prompt_length=16'],
    'prompt.max_prompt_length: got 16, expected room for the shortest of 24 training prompts',
  ));

it.each<[string, (path: string) => void, string]>([
  ['weights', (path) => truncateSync(join(path, 'model.safetensors'), 5000), 'model.safetensors'],
  ['configuration', (path) => writeFileSync(join(path, 'config.json'), '{'), 'config.json: got'],
  ['tokenizer', (path) => writeFileSync(join(path, 'tokenizer.json'), '{}'), 'tokenizer.json'],
  ['list of files', (path) => rmSync(join(path, 'config.json')), 'checkpoint: got '],
])('refuses a checkpoint with a corrupt %s', async (_, damage, message) => {
  const copy = at('checkpoint');
  cpSync(at('run/checkpoints/2'), copy, { recursive: true });
  damage(copy);
  await refused(['grpo', ...tiny, '--checkpoint', copy], message);
  rmSync(copy, { recursive: true });
});

it('leaves a run alone that it cannot go on with', async () => {
  const state = at('run/checkpoints/2/trainer_state.json');
  const text = readFileSync(state, 'utf8');
  writeFileSync(state, text.slice(0, 40));
  const before = readFileSync(at('run/metrics.jsonl'), 'utf8');
  const resume = ['train', at('run'), '--resume'];
  expect(await refusal(resume)).toMatch(/checkpoint 2: trainer_state.json: got .+ valid JSON\n$/);
  writeFileSync(state, text);
  expect(readFileSync(at('run/metrics.jsonl'), 'utf8')).toBe(before);
  expect(existsSync(at('run/lock'))).toBe(false);
  const other = [...resume.slice(0, 2), '--set', 'seed=9', '--resume', '--out', at('run')];
  expect(await refusal(other)).toContain('expected the recipe this run began with (grpo, ');
  expect(await refusal(['train', 'grpo', ...tiny, '--out', at('run')])).toContain(
    'expected a new folder, or --resume to go on with the run in it',
  );
});
