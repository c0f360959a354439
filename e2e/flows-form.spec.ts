/** What the page takes from its visitor: settings, by keyboard too, and questions. */
import { Profile } from './app.ts';
import { headInNode, listed, part, sharedHead } from './flows.ts';
import { smallRecipe } from './recipes.ts';
import { expect, test } from './test.ts';

test('settings by keyboard: what differs, what is wrong, and Reset, Delete', async ({
  browser,
  site,
}) => {
  const profile = await Profile.create(browser);
  const app = await profile.open(site.page);
  const { keyboard } = app.page;
  const form = part(app, 'Recipe');
  const differs = part(app, /^(Differs from|As) preset/);
  const field = (label: string) => form.getByLabel(label, { exact: true });
  const set = async (label: string, value: string) => {
    await field(label).focus();
    await keyboard.press('Control+a');
    await keyboard.type(value);
    await keyboard.press('Tab');
  };
  await expect(differs).toContainText('As preset execution');

  await set('Updates', '3');
  await expect(app.progress).toContainText('Ready: 3 updates');
  await expect(differs).toContainText('Differs from preset execution: 1 setting');
  await expect(differs.getByRole('listitem')).toContainText(/grpo\.num_updates.*200.*3/);

  await set('Prompts per update', '0');
  const wrong = form.getByRole('alert').filter({ hasText: 'Prompts per update' });
  await expect(wrong).toContainText('Expected an integer from 1 to 4096.');
  await expect(field('Prompts per update')).toHaveAttribute('aria-invalid', 'true');
  await expect(field('Prompts per update')).toHaveAccessibleDescription(/Expected an integer/);
  await expect(differs.getByRole('listitem')).toHaveCount(1);
  await set('Prompts per update', '4');
  await expect(wrong).toHaveCount(0);
  await expect(differs.getByRole('listitem')).toHaveCount(2);

  await set('Training questions', '100');
  await form.getByText('All settings').click();
  await set('Filter settings', 'updates between evaluations');
  await set('every', '0');
  await expect(differs.getByRole('listitem').filter({ hasText: 'eval.every' })).toHaveCount(1);

  // Another preset replaces the settings but not the data, and can be taken back.
  await form.getByRole('radio', { name: 'grpo', exact: true }).focus();
  await keyboard.press('Space');
  await expect(differs).toContainText('Differs from preset grpo: 1 setting');
  await form.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect(differs).toContainText('Differs from preset execution: 4 settings');

  await part(app, 'Recent runs').getByRole('heading').click();
  await keyboard.press('Control+Enter');
  await app.finished();
  await expect(field('Updates')).toBeDisabled();
  const first = (await app.runs())[0]!.id;

  await app.button('Reset').click();
  await expect(app.progress).toContainText('Ready: 3 updates');
  await expect(field('Updates')).toBeEnabled();
  await expect(listed(app)).toContainText('3 updates, finished');
  await app.main.click();
  await app.finished();
  await expect(listed(app)).toHaveCount(2);
  const [again, before] = await app.runs();
  expect(before!.id).toBe(first);
  expect(again!.id).toBe(`${first}-2`);
  expect(again!.fingerprint).toEqual(before!.fingerprint);

  const ask = app.button('Delete execution, seed 0').first();
  await ask.focus();
  await keyboard.press('Enter');
  await expect(app.button('Keep')).toBeFocused();
  await keyboard.press('Enter');
  await expect(ask).toBeFocused();
  await expect(listed(app)).toHaveCount(2);
  await keyboard.press('Enter');
  await keyboard.press('Shift+Tab');
  await keyboard.press('Enter');
  await expect(listed(app)).toHaveCount(1);
  expect((await app.runs()).map(({ id }) => id)).toEqual([first]);
  await expect(app.main).toHaveText('Train'); // it was the run that was open
  await expect(app.progress).toContainText('Ready: 3 updates');

  await app.button('Open execution, seed 0').click();
  await expect(app.progress).toContainText('Finished: 3 updates');
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
});

test('questions: typed, voted on, during a run and to it', async ({ browser, site }, info) => {
  const recipe = smallRecipe('grpo.num_updates=10');
  const inNode = await headInNode(recipe, info.outputPath('node'));
  const profile = await Profile.create(browser);
  const app = await profile.openWith(site.page, recipe);
  const section = part(app, 'Ask the policy');
  const answer = section.locator('.answer');
  const input = section.getByLabel('Question about the database');
  await expect(answer).toContainText('Answer of the warm start');

  await input.fill('What is the number of singers?');
  await input.press('Enter');
  await expect(answer.getByRole('blockquote')).toHaveText('What is the number of singers?');
  await expect(answer).toContainText('Answer of the warm start');
  await expect(answer.locator('.sql').first()).toContainText('SELECT');

  await section.getByRole('radio', { name: /^Vote of 8/ }).check();
  await section.getByRole('button', { name: 'Ask' }).click();
  await expect(answer).toContainText(/[1-8] of 8 votes/);

  // The run goes on while questions are answered, and is none the worse for it.
  await app.main.click();
  await app.updates(1);
  for (const question of [
    'What is the number of concerts?',
    'What are the names of all singers?',
  ]) {
    await input.fill(question);
    await input.press('Enter');
    await expect(answer.getByRole('blockquote')).toHaveText(question);
    await expect(answer).toContainText(/of 8/);
  }
  await app.finished();
  expect(await sharedHead(app)).toBe(inNode);

  const { id } = (await app.runs())[0]!;
  await expect(section.locator('.badge')).toHaveText(`run ${id}, update 10`);
  await section.getByRole('button', { name: 'Ask' }).click();
  await expect(answer).toContainText(`Answer of the run ${id}, update 10`);
  await app.button('Reset').click();
  await expect(section.locator('.badge')).toHaveText('warm start');
  await section.getByRole('button', { name: 'Ask' }).click();
  await expect(answer).toContainText('Answer of the warm start');
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
});
