// Takes the pictures in docs/ from the production build: `npm run build`, then `node tools/screenshots.js`.
// A run of the page's first recipe, at 1440 and 390 px, light and dark. Needs a Chromium.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { chromium } from 'playwright';
import { preview } from 'vite';

/** Updates of the run that is shown; whole, so that the curves are worth looking at. */
const UPDATES = 200;
const SHOTS = [
  { name: 'page', width: 1440, height: 1180, colorScheme: 'light' },
  { name: 'page-dark', width: 1440, height: 1180, colorScheme: 'dark' },
  { name: 'phone', width: 390, height: 1400, colorScheme: 'light' },
  { name: 'phone-dark', width: 390, height: 1400, colorScheme: 'dark' },
];

const server = await preview({ preview: { port: 4199 } });
const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);
const browser = await chromium.launch({
  ...(executablePath && { executablePath }),
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
const context = await browser.newContext({ serviceWorkers: 'block', reducedMotion: 'reduce' });
const page = await context.newPage();
const session = await context.newCDPSession(page);

await page.setViewportSize(SHOTS[0]);
await page.goto(server.resolvedUrls.local[0]);
await page.getByText('Answer of the warm start').waitFor();
await page.getByRole('button', { name: 'Train', exact: true }).click();
await page.waitForFunction(
  (updates) =>
    document.querySelector('.controls progress[aria-label="Updates done"]')?.value >= updates,
  UPDATES,
  { timeout: 600_000 },
);
await page.locator('.controls .figures', { hasText: 'Finished' }).waitFor();

mkdirSync('docs', { recursive: true });
for (const { name, colorScheme, ...size } of SHOTS) {
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme });
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.waitForTimeout(2500); // charts off screen are drawn a little later
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 70 });
  writeFileSync(`docs/${name}.webp`, Buffer.from(data, 'base64'));
}
await browser.close();
await server.close();
