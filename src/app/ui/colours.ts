/**
 * Custom properties as colours a canvas understands: `light-dark()` and system colours are resolved by
 * the browser, for the scheme in force at `host`.
 */
export function resolveColours<Name extends string>(
  names: readonly Name[],
  host: HTMLElement,
): Record<Name, string> {
  const probe = document.createElement('span');
  probe.hidden = true;
  host.append(probe);
  const computed = getComputedStyle(probe);
  const colours = names.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, computed.color] as const;
  });
  probe.remove();
  return Object.fromEntries(colours) as Record<Name, string>;
}

/** Calls `onChange` when the visitor's colours change; returns how to stop. */
export function watchColours(onChange: () => void): () => void {
  const queries = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) =>
    matchMedia(query),
  );
  for (const query of queries) query.addEventListener('change', onChange);
  return () => {
    for (const query of queries) query.removeEventListener('change', onChange);
  };
}
