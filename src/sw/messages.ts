/** What the page says to its service worker. */

/** From a page that was opened before there was a service worker: serve me too. */
export const TAKE_OVER = 'take over';
