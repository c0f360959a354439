/** What this browser lets the page do. */

export type Feature =
  | 'secure context'
  | 'webgpu'
  | 'locks'
  | 'service worker'
  | 'clipboard'
  | 'persistent storage'
  | 'indexeddb';

/** `globalThis`, as far as the page may find it. */
export interface Scope {
  isSecureContext: boolean;
  indexedDB?: unknown;
  navigator: {
    gpu?: unknown;
    locks?: unknown;
    serviceWorker?: unknown;
    clipboard?: unknown;
    storage?: {
      persisted?: () => Promise<boolean>;
      persist?: () => Promise<boolean>;
      estimate?: () => Promise<StorageEstimate>;
    };
  };
}

export interface Missing {
  feature: Feature;
  /** A sentence for people: what does not work, and what to do about it. */
  why: string;
}

const browser = (): Scope => globalThis as unknown as Scope;

/** What is not there. A page over plain http lacks most of it for one reason, which is said once. */
export function missing({ isSecureContext, indexedDB, navigator }: Scope = browser()): Missing[] {
  const absent: Missing[] = [];
  const need = (feature: Feature, there: unknown, why: string): void => {
    if (!there) absent.push({ feature, why });
  };
  need(
    'indexeddb',
    indexedDB,
    'This browser gives the page no storage, so it cannot train: runs have no place to be kept.',
  );
  need(
    'secure context',
    isSecureContext,
    'This page came over plain http, so it has no WebGPU, does not work offline, cannot copy links for you, and two tabs may write one run: open it over https, or on localhost.',
  );
  if (!isSecureContext) return absent;
  const { gpu, locks, serviceWorker, clipboard, storage } = navigator;
  need('webgpu', gpu, 'This browser has no WebGPU: training runs on the processor, as wasm.');
  need('locks', locks, 'This browser has no Web Locks: do not train one run in two tabs at once.');
  need('service worker', serviceWorker, 'This browser will not open this page without a network.');
  need('clipboard', clipboard, 'This browser does not let the page copy: copy links by hand.');
  need(
    'persistent storage',
    storage?.persist,
    'This browser may clear runs when room gets short: keep run files of what matters.',
  );
  return absent;
}

/** Asks the browser to keep runs when room gets short. Some ask the visitor. */
export async function persist(
  { navigator: { storage } }: Scope = browser(),
): Promise<'kept' | 'may be evicted' | 'unknown'> {
  if (!storage?.persist) return 'unknown';
  try {
    const kept = (await storage.persisted?.()) || (await storage.persist());
    return kept ? 'kept' : 'may be evicted';
  } catch {
    return 'unknown';
  }
}

/** Bytes this page uses, and may use; undefined where the browser does not say. */
export async function usage(
  { navigator: { storage } }: Scope = browser(),
): Promise<{ used: number; quota: number } | undefined> {
  try {
    const { usage: used, quota } = (await storage?.estimate?.()) ?? {};
    return used === undefined || quota === undefined ? undefined : { used, quota };
  } catch {
    return undefined;
  }
}
