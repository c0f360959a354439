/** Share links from profile to profile and between the tab and Node, and links that are not what they seem. */
import { deflateSync, strToU8 } from 'fflate';
import type { Fingerprint } from '../src/core/recipe/fingerprint.ts';
import { encodeLink } from '../src/core/recipe/link.ts';
import { Profile, type App } from './app.ts';
import { expectNothingRan, part, pause, share } from './flows.ts';
import { stepsql, trainInNode, type NodeRun } from './node.ts';
import { smallRecipe } from './recipes.ts';
import { expect, test } from './test.ts';
import { doTo, hookWorkers } from './workers.ts';

const UPDATES = 6;
const RECIPES = {
  execution: smallRecipe(`grpo.num_updates=${UPDATES}`),
  grpo: smallRecipe(`grpo.num_updates=${UPDATES}`, 'name=grpo', 'reward.name=execution-match'),
};

/** The panel about the link that was opened, once the page has come to rest. */
async function opened(app: App) {
  const panel = part(app, 'A link was opened');
  await expect(panel).toBeVisible();
  await expect(app.page.getByText('Answer of the warm start')).toBeVisible();
  return panel;
}

for (const [preset, recipe] of Object.entries(RECIPES)) {
  test(`${preset}: a run of the tab, by its link, is the same in Node and in a second profile`, async ({
    browser,
    site,
  }, info) => {
    const one = await Profile.create(browser);
    const first = await one.openWith(site.page, recipe);
    await first.main.click();
    await first.finished();
    const made = await share(first);
    expect(made).toMatchObject({ preset, notes: [], fingerprint: { count: UPDATES } });
    expect(made.address).toContain(site.page);
    expect(await one.unexpected()).toEqual([]);
    await one.close();

    // Node takes the address as it is, and the link of what it makes is the very same.
    const folder = info.outputPath('node');
    const told = await stepsql('train', made.address, '--backend', 'wasm', '--out', folder);
    expect(told).toContain(`Reproduced: the same, bit for bit, over all ${UPDATES} updates\n`);
    const link = /^Link: (.*)$/m.exec(told)?.[1] ?? 'none';
    expect(made.address).toBe(site.page + link);

    const two = await Profile.create(browser);
    const second = await two.open(site.page + link);
    const panel = await opened(second);
    await expect(panel).toContainText('Nothing has been started');
    await expect(panel).toContainText(`${UPDATES} updates on wasm`);
    const updates = panel.getByRole('listitem').filter({ hasText: 'grpo.num_updates' });
    await expect(updates).toContainText(new RegExp(`200.*${UPDATES}`));
    await expectNothingRan(second);
    await panel.getByRole('button', { name: 'Reproduce' }).click();
    const result = part(second, 'Reproduction');
    await expect(result).toContainText(`The same, bit for bit, over all ${UPDATES} updates.`);
    await expect(result.getByText('the same', { exact: true })).toBeVisible();
    await second.finished();
    expect((await share(second)).address).toBe(made.address);
    expect(await two.unexpected()).toEqual([]);
    await two.close();
  });
}

test('with four cores the tab shares a run out, and it is the same run', async ({
  browser,
  site,
}) => {
  const recipe = RECIPES.execution;
  const unhook = hookWorkers(site);
  const profile = await Profile.create(browser);
  await profile.context.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => 4 });
  });
  const app = await profile.openWith(site.page, recipe);
  await expect(app.button('Trains on wasm (SIMD, 3 threads)')).toBeVisible();
  await app.main.click();
  await app.updates(2);
  expect(await doTo(app.page, 'policy', 'destroy-device')).toBe(4); // there is none: who answers counts
  await app.finished();
  const { fingerprint } = await trainInNode(encodeLink(recipe));
  expect(await app.fingerprint()).toEqual(fingerprint);
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
  unhook();
});

test('the link of a run that stopped early: reproduced as far, with a pause in between', async ({
  browser,
  site,
}) => {
  const recipe = smallRecipe('grpo.num_updates=100');
  const one = await Profile.create(browser);
  const first = await one.openWith(site.page, recipe);
  await first.main.click();
  await first.updates(8);
  const done = await pause(first);
  const { address } = await share(first);
  expect(await one.unexpected()).toEqual([]);
  await one.close();

  const two = await Profile.create(browser);
  const second = await two.open(address);
  await second.button('Reproduce').click();
  await second.updates(1);
  expect(await pause(second)).toBeLessThan(done);
  await second.main.click();
  const result = part(second, 'Reproduction');
  await expect(result).toContainText(`The same, bit for bit, over all ${done} updates.`);
  await expect(second.progress).toContainText(`Paused at update ${done} of 100`);
  expect((await share(second)).address).toBe(address);
  expect(await two.unexpected()).toEqual([]);
  await two.close();
});

/** A link of version 1 with this payload. */
const linkOf = (payload: Uint8Array, head = '1/grpo/0'): string =>
  `#/run/${head}/${Buffer.from(payload).toString('base64url')}`;

const linkOfJson = (json: unknown, head?: string): string =>
  linkOf(deflateSync(strToU8(JSON.stringify(json))), head);

const GOOD = encodeLink(RECIPES.execution);
const PAYLOAD = GOOD.lastIndexOf('/') + 1;

const BAD: [what: string, hash: string, title: string][] = [
  [
    'tampered with',
    GOOD.slice(0, PAYLOAD) + [...GOOD.slice(PAYLOAD)].reverse().join(''),
    'This link is incomplete',
  ],
  ['cut off in its payload', GOOD.slice(0, -9), 'This link is incomplete'],
  ['cut off before it', '#/run/1/exec', 'This link is incomplete'],
  ['too long', `${GOOD}${'A'.repeat(64 * 1024)}`, 'This link is too long'],
  ['a bomb', linkOf(deflateSync(new Uint8Array(1 << 20))), 'This link unpacks to too much'],
  ['of the future', '#/run/99/execution/0/AAAA', 'This link comes from a newer StepSQL'],
  ['of an unknown preset', '#/run/1/magic/0', 'This link names a preset that is not here'],
  [
    'with a value that does not exist',
    linkOfJson({ set: { grpo: { loss_type: 'best' } } }),
    'This link asks for something that does not exist here',
  ],
  [
    'with a damaged fingerprint',
    linkOfJson({ fingerprint: { backend: 'wasm', head: 'f00' } }),
    'The fingerprint in this link is damaged',
  ],
];

test('bad links are explained, start nothing and do not harm the page', async ({
  browser,
  site,
}) => {
  const profile = await Profile.create(browser);
  const app = await profile.open(site.page + BAD[0]![1]);
  for (const [what, hash, title] of BAD) {
    await app.page.evaluate((hash) => (window.location.hash = hash), hash);
    const message = part(app, title);
    await expect(message, what).toBeVisible();
    await expect(message.getByRole('alert'), what).toContainText('Nothing was changed or started');
    await expectNothingRan(app);
    await message.getByRole('button', { name: 'Dismiss' }).click();
    await expect(message, what).toHaveCount(0);
    expect(new URL(app.page.url()).hash).toBe('');
  }

  // A good one still works, though it comes into a page that is open.
  await app.page.evaluate((hash) => (window.location.hash = hash), GOOD);
  const panel = await opened(app);
  await expect(panel.getByRole('button', { name: 'Reproduce' })).toHaveCount(0);
  await panel.getByRole('button', { name: 'Use these settings' }).click();
  await app.button('One update').click();
  await expect(app.progress).toContainText(`Paused at update 1 of ${UPDATES}`);
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
});

test('what a link has out of range or unknown is mended, and said', async ({ browser, site }) => {
  const profile = await Profile.create(browser);
  const set = { optimizer: { learning_rate: 5 }, grpo: { num_updates: 6, magic: 1 } };
  const app = await profile.open(site.page + linkOfJson({ set, seed: 7 }));
  const panel = await opened(app);
  await expect(panel).toContainText('optimizer.learning_rate: 5 clamped to 1');
  await expect(panel).toContainText('grpo.magic: unknown here, left out');
  await expect(panel).toContainText('seed: the address says 0, the payload 7, which counts');
  await expectNothingRan(app);
  await panel.getByRole('button', { name: 'Use these settings' }).click();
  await expect(app.page.getByLabel('Seed', { exact: true })).toHaveValue('7');
  await expect(app.page.getByLabel('Learning rate', { exact: true })).toHaveValue('1');
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
});

test.describe('a fingerprint that is not that of the run', () => {
  const ALTERED: [what: string, alter: (f: Fingerprint) => Partial<Fingerprint>, says: string][] = [
    [
      'one update',
      ({ updates }) => ({
        updates: updates.map((entry, i) =>
          i === 3 ? `${entry.slice(0, 8)}00000000${entry.slice(16)}` : entry,
        ),
      }),
      'Differs from update 4 on, first in the rewards (same backend and numerics: not expected).',
    ],
    [
      'the hash over all',
      ({ head }) => ({ head: [...head].reverse().join('') }),
      `After the first ${UPDATES} updates, the run differs: the hash over all ${UPDATES} is another`,
    ],
  ];
  let run: NodeRun;

  test.beforeAll(async ({ browserThere: _ }) => {
    run = await trainInNode(GOOD);
  });

  for (const [what, alter, says] of ALTERED) {
    test(`${what} altered: Reproduce says where it differs`, async ({ browser, site }) => {
      const profile = await Profile.create(browser);
      const { recipe, fingerprint } = run;
      const link = encodeLink(recipe, { ...fingerprint, ...alter(fingerprint) });
      const app = await profile.open(site.page + link);
      await app.button('Reproduce').click();
      await app.finished();
      const result = part(app, 'Reproduction');
      await expect(result).toContainText(says);
      await expect(result.getByText('differs', { exact: true }).first()).toBeVisible();
      expect((await share(app)).fingerprint).toEqual(fingerprint);
      expect(await profile.unexpected()).toEqual([]);
      await profile.close();
    });
  }
});
