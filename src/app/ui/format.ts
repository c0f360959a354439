/**
 * Numbers and durations as the page writes them: the same for every visitor (no locale), with
 * no-break spaces and a true minus sign. What is missing (NaN, null, undefined) is an en dash.
 */

export const MISSING = '–';
/** Between a number and its unit. */
const NBSP = '\u00a0';
/** Between groups of three digits. */
const THIN = '\u202f';

type Value = number | null | undefined;

const isThere = (value: Value): value is number => value != null && !Number.isNaN(value);

const minus = (text: string): string => text.replaceAll('-', '−');

const group = (digits: string): string => digits.replace(/\B(?=(\d{3})+$)/g, THIN);

/** A whole number with its thousands apart: 12 345. Fractions are rounded. */
export function count(value: Value): string {
  if (!isThere(value)) return MISSING;
  if (!Number.isFinite(value)) return value < 0 ? '−∞' : '∞';
  const rounded = Math.round(value);
  if (Math.abs(rounded) >= 1e15) return minus(value.toExponential(2));
  return `${rounded < 0 ? '−' : ''}${group(String(Math.abs(rounded)))}`;
}

/** Three digits that matter: 0.0312, 4.2e−5, 12.3, 1 043. Whole numbers stay whole. */
export function number(value: Value): string {
  if (!isThere(value)) return MISSING;
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 999.5) return count(value);
  if (size < 0.0005) return minus(Number(value.toPrecision(2)).toExponential());
  return minus(String(Number(value.toPrecision(3))));
}

/** For axes, where room is scarce: 1.2k, 3M, 0.05. */
export function compact(value: Value): string {
  if (!isThere(value)) return MISSING;
  const size = Math.abs(value);
  for (const [limit, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (size >= limit) return `${minus(String(Number((value / limit).toPrecision(3))))}${unit}`;
  }
  return number(Number(value.toPrecision(3)));
}

/** A share as a percentage: 34.4 %. */
export function percent(share: Value, digits = 1): string {
  if (!isThere(share)) return MISSING;
  return `${minus((share * 100).toFixed(digits))}${NBSP}%`;
}

/** A duration in words for a progress line: 0.4 s, 45 s, 12 min, 1 h 10 min. */
export function duration(seconds: Value): string {
  if (!isThere(seconds) || seconds < 0) return MISSING;
  if (seconds < 0.095) return `${Math.round(seconds * 1000)}${NBSP}ms`;
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))}${NBSP}s`;
  if (seconds < 59.5) return `${Math.round(seconds)}${NBSP}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}${NBSP}min`;
  if (!Number.isFinite(minutes)) return MISSING;
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return rest === 0 ? `${count(hours)}${NBSP}h` : `${count(hours)}${NBSP}h ${rest}${NBSP}min`;
}

/** A rough duration, so that an estimate does not flicker: a few seconds, about 40 s, about 3 min. */
export function roughly(seconds: Value): string {
  if (!isThere(seconds) || seconds < 0 || !Number.isFinite(seconds)) return MISSING;
  if (seconds < 8) return 'a few seconds';
  if (seconds < 50) return `about ${duration(Math.ceil(seconds / 10) * 10)}`;
  return `about ${duration(Math.max(60, seconds))}`;
}

/** A size of a file: 812 B, 34 kB, 1.2 MB. */
export function bytes(value: Value): string {
  if (!isThere(value) || value < 0) return MISSING;
  if (value < 1000) return `${Math.round(value)}${NBSP}B`;
  for (const [limit, unit] of [
    [1e6, 'kB'],
    [1e9, 'MB'],
    [Infinity, 'GB'],
  ] as const) {
    const scaled = value / (limit === Infinity ? 1e9 : limit / 1000);
    const shown = scaled < 9.95 ? Number(scaled.toFixed(1)) : Math.round(scaled);
    if (shown < 1000 || limit === Infinity) return `${shown}${NBSP}${unit}`;
  }
  return MISSING;
}
