/**
 * The service worker: after the first visit the page works offline, and every visit gets the files of
 * one version. Files come from the cache first, under keys that name their content.
 *
 * A new version never interrupts a run: nothing here calls `skipWaiting`, so it installs beside the
 * one in use and waits until every tab of that one is closed. Only then does the browser activate it,
 * and activating is what deletes the files the new version does not share. `clients.claim` is called
 * when a page asks, which one does that was opened before there was any service worker: from then on
 * the files of its version are kept for it too.
 */
import { cacheNames, setCacheNameDetails, type WorkboxPlugin } from 'workbox-core';
import { PrecacheController, PrecacheRoute } from 'workbox-precaching';
import type { PrecacheEntry } from 'workbox-precaching/_types.js';
import { registerRoute } from 'workbox-routing';
import { TAKE_OVER } from './messages.ts';

declare const self: ServiceWorkerGlobalScope;

// Put in by tools/vite-service-worker.ts:
/** The page's Content-Security-Policy. */
declare const POLICY: string;
/** Files kept from the first visit on. */
declare const ENTRIES: PrecacheEntry[];
/** Files kept once they have been used. */
declare const ENTRIES_WHEN_USED: PrecacheEntry[];

/** The browser's own cache may be asked, but never believed unasked: names here can stay the same. */
const revalidate: WorkboxPlugin = {
  requestWillFetch: ({ request }) =>
    Promise.resolve(
      request.mode === 'navigate' ? request : new Request(request, { cache: 'no-cache' }),
    ),
};

/** Workers obey no policy but that of their own script's headers, which a host need not send. */
const guard: WorkboxPlugin = {
  cacheWillUpdate: ({ response }) => {
    if (!response.ok) return Promise.resolve(null);
    const headers = new Headers(response.headers);
    headers.set('Content-Security-Policy', POLICY);
    return Promise.resolve(new Response(response.body, { headers }));
  },
};

function keep(cacheName: string, entries: PrecacheEntry[]): PrecacheController {
  const controller = new PrecacheController({ cacheName, plugins: [revalidate, guard] });
  controller.addToCacheList(entries);
  registerRoute(new PrecacheRoute(controller, { ignoreURLParametersMatching: [/./] }));
  self.addEventListener('activate', controller.activate);
  return controller;
}

// Cache names end with the scope: copies of the page in other folders of a host have their own.
setCacheNameDetails({ prefix: 'stepsql' });
const first = keep(cacheNames.precache, ENTRIES);
self.addEventListener('install', first.install);
keep(`${cacheNames.prefix}-used-${self.registration.scope}`, ENTRIES_WHEN_USED);

self.addEventListener('message', (event) => {
  if (event.data === TAKE_OVER) event.waitUntil(self.clients.claim());
});
