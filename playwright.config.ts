/**
 * The page in a real browser, from the production build (`npm run build` first): `npx playwright test`.
 * Without a browser every test is skipped, with a line that says how to get one.
 */
import { defineConfig } from '@playwright/test';
import { findChromium, NO_BROWSER, QUIET, SOFTWARE_WEBGPU } from './e2e/browser.ts';

const executablePath = findChromium();
// Playwright loads this file again in each of its workers.
if (executablePath === undefined && process.env['TEST_WORKER_INDEX'] === undefined) {
  console.log(`e2e skipped: ${NO_BROWSER}`);
}

const reports = process.env['STEPSQL_REPORTS'];

const chromium = (...args: string[]) => ({
  launchOptions: { ...(executablePath && { executablePath }), args: [...QUIET, ...args] },
});

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  globalSetup: './e2e/setup.ts',
  workers: 1, // a run in the page takes the cores there are
  fullyParallel: false,
  forbidOnly: true,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  reporter: reports ? [['list'], ['json', { outputFile: `${reports}/browser.json` }]] : [['list']],
  use: {
    browserName: 'chromium',
    headless: true,
    serviceWorkers: 'block',
    trace: 'off',
    screenshot: 'only-on-failure',
    locale: 'en-GB',
    viewport: { width: 1440, height: 900 },
  },
  projects: [
    { name: 'wasm', testIgnore: '**/*.webgpu.spec.ts', use: chromium() },
    { name: 'webgpu', testMatch: '**/*.webgpu.spec.ts', use: chromium(...SOFTWARE_WEBGPU) },
  ],
});
