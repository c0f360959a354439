/** Files in and out: runs as run files, between the tab and Node, and data of one's own. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import type { MetricsLine } from '../src/core/train/run-store.ts';
import { Profile, type App } from './app.ts';
import {
  expectNothingRan,
  headInNode,
  listed,
  numbersOf,
  part,
  pause,
  printedHead,
  share,
  sharedHead,
} from './flows.ts';
import { stepsql } from './node.ts';
import { PUBLIC } from './paths.ts';
import { smallRecipe } from './recipes.ts';
import { expect, test } from './test.ts';

const zipped = (name: string, buffer: Uint8Array) => ({
  ...{ name, mimeType: 'application/zip' },
  buffer: Buffer.from(buffer),
});

async function importRun(app: App, name: string, bytes: Uint8Array): Promise<void> {
  const chooser = app.page.waitForEvent('filechooser');
  await app.button('Import run file').click();
  await (await chooser).setFiles(zipped(name, bytes));
}

test.describe('run files', () => {
  const UPDATES = 12;
  const RECIPE = smallRecipe(`grpo.num_updates=${UPDATES}`, 'eval.every=6');
  let folder: string;
  let inNode: string; // head of the fingerprint

  test.beforeAll(async ({ browserThere: _ }, info) => {
    folder = info.outputPath('node');
    inNode = await headInNode(RECIPE, folder);
  });

  test('a run begun in the tab is finished in Node', async ({ browser, site }, info) => {
    const profile = await Profile.create(browser);
    const app = await profile.openWith(site.page, RECIPE);
    await app.main.click();
    await app.updates(2);
    const done = await pause(app);
    const download = app.page.waitForEvent('download');
    await app.button('Run file of execution, seed 0').click();
    const file = await download;
    expect(file.suggestedFilename()).toMatch(/^stepsql-[0-9a-f]{12}\.zip$/);
    const [zip, out] = [info.outputPath('run.zip'), info.outputPath('unpacked')];
    await file.saveAs(zip);
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();

    await stepsql('unpack', zip, '--out', out);
    expect((await readFile(join(out, 'checkpoints/latest'), 'utf8')).trim()).toBe(String(done));
    const resumed = await stepsql('train', out, '--resume', '--backend', 'wasm', '--json');
    expect(printedHead(resumed)).toBe(inNode);
    // Not the weights alone: the lines too are those of a run that was never anywhere else.
    const lines = async (run: string) =>
      (await readFile(join(run, 'metrics.jsonl'), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => ({ ...(JSON.parse(line) as MetricsLine), step_time: 0 }));
    expect(await lines(out)).toEqual(await lines(folder));
    const episodes = (run: string) => readFile(join(run, 'episodes.jsonl'), 'utf8');
    expect(await episodes(out)).toBe(await episodes(folder));
  });

  test('a run begun in Node is finished in the tab', async ({ browser, site }, info) => {
    const zip = info.outputPath('run.zip');
    // As a crash after the checkpoint at 6 leaves it.
    await writeFile(join(folder, 'checkpoints/latest'), '6\n');
    await stepsql('pack', folder, '--out', zip);
    await writeFile(join(folder, 'checkpoints/latest'), `${UPDATES}\n`);

    const profile = await Profile.create(browser);
    const app = await profile.open(site.page);
    await importRun(app, 'run.zip', await readFile(zip));
    await expect(app.progress).toHaveText(`Paused at update 6 of ${UPDATES}`);
    await expect(listed(app)).toContainText(`6 of ${UPDATES} updates`);
    const curve = part(app, /^Curves/).getByRole('img', { name: /^Execution accuracy by update/ });
    await expect(curve).toHaveAccessibleName(
      /evaluation: first \S+\s% at update 0, last \S+\s% at update 6,/,
    );
    await expect.poll(() => numbersOf(app)).toEqual([6, 5, 4, 3, 2, 1, 0]);
    await expect(part(app, 'Newest episodes')).toContainText('SELECT');
    await app.main.click();
    await app.finished();
    expect(await sharedHead(app)).toBe(inNode);
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();
  });

  test('a run begun on WebGPU waits where there is none, and nothing else does', async ({
    browser,
    site,
  }, info) => {
    const zip = info.outputPath('run.zip');
    await writeFile(join(folder, 'checkpoints/latest'), '3\n');
    await stepsql('pack', folder, '--out', zip);
    await writeFile(join(folder, 'checkpoints/latest'), `${UPDATES}\n`);
    const files = unzipSync(await readFile(zip));
    const name = 'checkpoints/3/trainer_state.json';
    const state = strFromU8(files[name]!).replace('"backend":"wasm"', '"backend":"webgpu"');

    const profile = await Profile.create(browser);
    const app = await profile.open(site.page);
    await importRun(app, 'run.zip', zipSync({ ...files, [name]: strToU8(state) }));
    await expect(app.progress).toHaveText(`Paused at update 3 of ${UPDATES}`);
    await app.main.click();
    await expect(app.notices).toContainText('This run began on webgpu and goes on there only');
    await expect(app.notices).toHaveCount(1);
    await expect(app.progress).toHaveText(`Paused at update 3 of ${UPDATES}`);
    await app.button('Reset').click();
    await app.button('One update').click();
    await expect(app.progress).toContainText('Paused at update 1');
    expect((await app.fingerprint())?.backend).toBe('wasm');
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();
  });

  test('what is no run file is refused, and nothing is kept of it', async ({
    browser,
    site,
  }, info) => {
    const zip = info.outputPath('run.zip');
    await stepsql('pack', folder, '--out', zip);
    const whole = await readFile(zip);
    const files = unzipSync(whole);
    const changed = (files: Record<string, Uint8Array>) => zipSync(files, { level: 0 });
    const recipe = files['recipe.json']!;
    const bad: [name: string, bytes: Uint8Array, says: string][] = [
      ['text.zip', strToU8('no zip at all'), 'expected a zip archive'],
      ['cut.zip', whole.subarray(0, whole.length / 2), 'expected a zip archive'],
      ['other.zip', changed({ 'notes.txt': strToU8('hello') }), 'expected a recipe.json inside'],
      [
        'up.zip',
        changed({ 'recipe.json': recipe, '../up.txt': strToU8('up') }),
        'expected a relative path that stays inside the archive',
      ],
      [
        'recipe.zip',
        changed({ ...files, 'recipe.json': strToU8('{"method": "magic"}') }),
        'method: got "magic"',
      ],
      [
        'step.zip',
        changed({ ...files, 'checkpoints/latest': strToU8('99') }),
        'expected files under checkpoints/99/',
      ],
    ];
    const profile = await Profile.create(browser);
    const app = await profile.open(site.page);
    for (const [name, bytes, says] of bad) {
      await importRun(app, name, bytes);
      await expect(app.notices, name).toContainText(says);
      await expectNothingRan(app);
      await app.button('Close this message').click();
      await expect(app.notices).toHaveCount(0);
    }
    await importRun(app, 'run.zip', whole);
    await expect(app.progress).toContainText(`Finished: ${UPDATES} updates`);
    await expect(listed(app)).toHaveCount(1);
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();
  });
});

/** The database in the box and its questions, as someone's own data; half of them to evaluate on. */
async function ownData(change: (question: string) => string): Promise<Uint8Array> {
  const read = (name: string) => readFile(join(PUBLIC, 'databases', name));
  const list = JSON.parse((await read('questions.json')).toString()) as { question: string }[];
  const questions = list.map((each, i) => ({
    ...{ ...each, question: change(each.question) },
    split: i % 2 === 0 ? 'train' : 'tuning',
  }));
  return zipSync({
    'questions.json': strToU8(JSON.stringify(questions)),
    'music.sqlite': await read('music.sqlite'),
  });
}

test('own data: trained on, shared by its hash, and reproduced by who has it', async ({
  browser,
  site,
}, info) => {
  const right = await ownData((question) => question);
  const wrong = await ownData((question) => `${question} `.replace('? ', ' then?'));
  const settings = smallRecipe('grpo.num_updates=2', 'eval.every=2');

  const one = await Profile.create(browser);
  const first = await one.openWith(site.page, settings);
  await first.page.getByRole('radio', { name: /^Own data/ }).check();
  await first.page.getByLabel('Files, as one .zip').setInputFiles(zipped('mine.zip', right));
  const data = first.page.getByRole('group', { name: 'Data', exact: true });
  await expect(data).toContainText(/mine\.zip: \d+ questions about 1 database /);
  await first.main.click();
  await first.finished();
  await expect(part(first, 'Newest episodes')).toContainText('SELECT');
  const { address, recipe } = await share(first);
  expect(recipe.data).toMatchObject({ kind: 'files', sha256: expect.stringMatching(/^\w{64}$/) });
  expect(await one.unexpected()).toEqual([]);
  await one.close();

  const two = await Profile.create(browser);
  const second = await two.open(address);
  const panel = part(second, 'A link was opened');
  await expect(panel).toContainText(`files with content hash ${recipe.data.sha256!}`);
  const reproduce = panel.getByRole('button', { name: 'Reproduce' });
  await expect(reproduce).toBeDisabled();
  const asked = panel.getByLabel(/^This needs the files/);
  await asked.setInputFiles(zipped('wrong.zip', wrong));
  await expect(second.notices).toContainText('wrong.zip: holds the questions');
  await expect(reproduce).toBeDisabled();
  await asked.setInputFiles(zipped('text.zip', strToU8('no zip at all')));
  await expect(second.notices.first()).toContainText('expected a zip archive');
  await expect(reproduce).toBeDisabled();
  await expectNothingRan(second);
  await asked.setInputFiles(zipped('mine.zip', right));
  await expect(asked).toHaveCount(0);
  await reproduce.click();
  const same = 'The same, bit for bit, over all 2 updates.';
  await expect(part(second, 'Reproduction')).toContainText(same);
  expect((await share(second)).address).toBe(address);
  expect(await two.unexpected()).toEqual([]);
  await two.close();

  const [zip, folder] = [info.outputPath('mine.zip'), info.outputPath('node')];
  await writeFile(zip, right);
  const train = ['train', address, '--data', zip, '--backend', 'wasm', '--out', folder];
  expect(await stepsql(...train)).toContain(
    'Reproduced: the same, bit for bit, over all 2 updates',
  );
});
