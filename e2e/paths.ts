/** Where the builds lie. */
import { fileURLToPath } from 'node:url';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

export const PAGE = fromRoot('dist/page');
export const HARNESS = fromRoot('dist/e2e');
export const PUBLIC = fromRoot('public');
export const NODE_CLI = fromRoot('dist/node/cli.js');
