/** Which Chromium the tests drive: Playwright's own when it is installed, else the system's. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from '@playwright/test';

const SYSTEM_NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'google-chrome-beta',
];

/** macOS and Windows keep it outside of PATH. */
const SYSTEM_PATHS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

export const NO_BROWSER =
  'no Chromium here: `npx playwright install chromium`, install a system Chromium or Chrome, or name one in STEPSQL_CHROMIUM';

function onPath(): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return SYSTEM_NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
}

/** Path of the executable; undefined when there is none. A path in STEPSQL_CHROMIUM is taken as it is. */
export function findChromium(): string | undefined {
  const named = process.env['STEPSQL_CHROMIUM'];
  if (named) return named;
  return [chromium.executablePath(), ...onPath(), ...SYSTEM_PATHS].find(existsSync);
}

/** A name of 127.0.0.1 that browsers do not trust: plain http on it is what a LAN address is. */
export const PLAIN_HOST = 'stepsql.test';

/** Nothing may reach for the network behind the tests' back. */
export const QUIET = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  `--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`,
];

/** WebGPU on the processor, in pages and workers. */
export const SOFTWARE_WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
