/**
 * How good predicted probabilities are: ranking (ROC AUC), calibration (expected calibration error, Guo et
 * al. 2017, arXiv 1706.04599) and its post-hoc repair (Platt 1999). Labels are soft: a label of 3/8 is three
 * right and five wrong observations of the same thing. Pure functions.
 */
import { badInput } from '../errors.ts';
import { exp, log } from '../random/math.ts';

/** A prediction and what came of it. */
export interface Forecast {
  /** Predicted probability, in [0, 1]. */
  score: number;
  /** Share of right outcomes, in [0, 1]. */
  label: number;
}

/** Pairs of a right and a wrong outcome, and how many of them have the right one above, ties half. */
function orderedPairs(forecasts: readonly Forecast[]): { ordered: number; pairs: number } {
  const sorted = [...forecasts].sort((a, b) => a.score - b.score);
  let [right, wrong, ordered] = [0, 0, 0];
  for (let i = 0; i < sorted.length;) {
    let [tiedRight, tiedWrong] = [0, 0];
    const { score } = sorted[i]!;
    for (; i < sorted.length && sorted[i]!.score === score; i++) {
      tiedRight += sorted[i]!.label;
      tiedWrong += 1 - sorted[i]!.label;
    }
    ordered += tiedRight * (wrong + tiedWrong / 2);
    right += tiedRight;
    wrong += tiedWrong;
  }
  return { ordered, pairs: right * wrong };
}

/**
 * Probability that a right outcome has a higher score than a wrong one, ties counting half. A forecast takes
 * part as `label` right and `1 − label` wrong outcomes, so that even the true probabilities stay below 1.
 * NaN without both kinds.
 */
export function rocAuc(forecasts: readonly Forecast[]): number {
  const { ordered, pairs } = orderedPairs(forecasts);
  return ordered / pairs;
}

/** ROC AUC over pairs of the same group only: what choosing among a question's candidates rests on. */
export function rocAucWithin(groups: readonly (readonly Forecast[])[]): number {
  const found = groups.map(orderedPairs);
  const sum = (key: 'ordered' | 'pairs'): number =>
    found.reduce((total, one) => total + one[key], 0);
  return sum('ordered') / sum('pairs');
}

/** Mean cross-entropy per forecast, in nats. */
export function logLoss(forecasts: readonly Forecast[]): number {
  const inside = (p: number): number => Math.min(1 - 1e-9, Math.max(1e-9, p));
  const total = forecasts.reduce((sum, { score, label }) => {
    const p = inside(score);
    return sum - label * log(p) - (1 - label) * log(1 - p);
  }, 0);
  return total / forecasts.length;
}

export interface ReliabilityBin {
  count: number;
  /** Means over the bin. */
  score: number;
  label: number;
}

/**
 * Forecasts by score, in bins of equal `width` (of [0, 1]) or equal `mass` (as many forecasts each). Empty
 * bins are left out.
 */
export function reliability(
  forecasts: readonly Forecast[],
  kind: 'width' | 'mass',
  bins = 10,
): ReliabilityBin[] {
  if (!(Number.isInteger(bins) && bins > 0)) throw badInput('bins', bins, 'a whole number from 1');
  const sorted = [...forecasts].sort((a, b) => a.score - b.score);
  const members = Array.from({ length: bins }, (): Forecast[] => []);
  sorted.forEach((forecast, i) => {
    const place = kind === 'width' ? forecast.score * bins : (i * bins) / sorted.length;
    members[Math.min(bins - 1, Math.floor(place))]!.push(forecast);
  });
  return members
    .filter(({ length }) => length > 0)
    .map((bin) => ({
      count: bin.length,
      score: bin.reduce((sum, { score }) => sum + score, 0) / bin.length,
      label: bin.reduce((sum, { label }) => sum + label, 0) / bin.length,
    }));
}

/** Expected calibration error: |mean score − mean label| of the bins, averaged over forecasts. */
export function calibrationError(
  forecasts: readonly Forecast[],
  kind: 'width' | 'mass',
  bins = 10,
): number {
  return reliability(forecasts, kind, bins).reduce(
    (sum, { count, score, label }) => sum + (count / forecasts.length) * Math.abs(score - label),
    0,
  );
}

/** p = σ(slope · logit + offset). Slope 1 / T and offset 0 are temperature scaling. */
export interface Platt {
  slope: number;
  offset: number;
}

export const UNCALIBRATED: Platt = { slope: 1, offset: 0 };

export const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)));

/** Log-odds of a probability, which is kept from 0 and 1 by 1e-9. */
export function logit(p: number): number {
  const inside = Math.min(1 - 1e-9, Math.max(1e-9, p));
  return log(inside / (1 - inside));
}

export const calibrated = ({ slope, offset }: Platt, logOdds: number): number =>
  sigmoid(slope * logOdds + offset);

/** Keeps the Hessian from being singular where labels can be separated. */
const RIDGE = 1e-3;

/**
 * Slope and offset that minimise cross-entropy on other forecasts than those judged later: Newton's method,
 * with a tiny pull towards no change.
 */
export function fitPlatt(logOdds: readonly number[], labels: readonly number[]): Platt {
  let { slope, offset } = UNCALIBRATED;
  for (let iteration = 0; iteration < 50; iteration++) {
    let [gs, go] = [RIDGE * (slope - 1), RIDGE * offset];
    let [hss, hso, hoo] = [RIDGE, 0, RIDGE];
    logOdds.forEach((x, i) => {
      const p = sigmoid(slope * x + offset);
      const curvature = p * (1 - p);
      gs += (p - labels[i]!) * x;
      go += p - labels[i]!;
      hss += curvature * x * x;
      hso += curvature * x;
      hoo += curvature;
    });
    const determinant = hss * hoo - hso * hso;
    const ds = (hoo * gs - hso * go) / determinant;
    const dOffset = (hss * go - hso * gs) / determinant;
    // Newton may leap where σ is flat.
    const leap = Math.max(1, Math.abs(ds), Math.abs(dOffset));
    slope -= ds / leap;
    offset -= dOffset / leap;
    if (Math.abs(ds) + Math.abs(dOffset) < 1e-10) break;
  }
  return { slope, offset };
}
