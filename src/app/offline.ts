/** Offline use: registers the service worker (src/sw/sw.ts) and tells how it stands. */
import { TAKE_OVER } from '../sw/messages.ts';

/**
 * `unsupported`: not offline in this tab, as on plain http, in development, or when files could not be
 * kept. `preparing`: files are being kept. `ready`: the page opens without a network.
 * `update waiting`: and a new version starts once every tab of the page has been closed.
 */
export type OfflineState = 'unsupported' | 'preparing' | 'ready' | 'update waiting';

function stateOf({ active, waiting, installing }: ServiceWorkerRegistration): OfflineState {
  if (active) return waiting ? 'update waiting' : 'ready';
  return waiting || installing ? 'preparing' : 'unsupported';
}

/** The page has loaded and its thread has nothing to do. */
async function idle(): Promise<void> {
  if (document.readyState !== 'complete') {
    await new Promise((resolve) => addEventListener('load', resolve, { once: true }));
  }
  if (typeof requestIdleCallback === 'function') {
    await new Promise((resolve) => requestIdleCallback(resolve, { timeout: 10_000 }));
  }
}

function follow(
  registration: ServiceWorkerRegistration,
  onState: (state: OfflineState) => void,
): void {
  let told: OfflineState = 'preparing';
  const tell = (): void => {
    const state = stateOf(registration);
    if (state !== told) onState((told = state));
  };
  const { active, waiting, installing } = registration;
  // On a first visit this page was opened without a service worker, and is of the version it keeps.
  const first = active ? null : (waiting ?? installing);
  first?.addEventListener('statechange', () => {
    if (first.state === 'activated') first.postMessage(TAKE_OVER);
  });
  for (const worker of [waiting, installing]) worker?.addEventListener('statechange', tell);
  registration.addEventListener('updatefound', () => {
    registration.installing?.addEventListener('statechange', tell);
  });
  tell();
}

/**
 * Registers the service worker once `after` has settled, the page has loaded and its thread is idle, so
 * that keeping files does not slow the start. Never reloads the page or replaces files under it.
 * @param onState told the state at once and at every change
 * @param after what should be fetched first, such as the policy
 */
export async function registerOffline(
  onState: (state: OfflineState) => void,
  after: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  if (!import.meta.env.PROD || !isSecureContext || !('serviceWorker' in navigator)) {
    onState('unsupported');
    return;
  }
  onState('preparing');
  await after.catch(() => undefined);
  await idle();
  try {
    const script = new URL('sw.js', document.baseURI);
    follow(await navigator.serviceWorker.register(script, { updateViaCache: 'none' }), onState);
  } catch {
    onState('unsupported'); // storage is refused, or the host does not have the file
  }
}
