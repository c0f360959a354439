/** Sliders over a range of values: linear as the browser has them, or logarithmic. */

export interface SliderRange {
  min: number;
  max: number;
  /** Increment of a linear slider; a logarithmic one gives values of two significant digits. */
  step: number | 'log';
}

const LOG_POSITIONS = 1000;

/** What the range input gets. */
export const trackOf = ({ min, max, step }: SliderRange) =>
  step === 'log' ? { min: 0, max: LOG_POSITIONS, step: 10 } : { min, max, step };

/** Where `value` stands on the track; the ends for what lies outside. */
export function positionOf(value: number, range: SliderRange): number {
  const { min, max, step } = range;
  const inside = Math.min(max, Math.max(min, value));
  if (step !== 'log') return inside;
  return Math.round((LOG_POSITIONS * Math.log(inside / min)) / Math.log(max / min));
}

/** The value at a position of the track. */
export function valueAtPosition(position: number, { min, max, step }: SliderRange): number {
  if (step !== 'log') return Number(position.toPrecision(12));
  return Number((min * (max / min) ** (position / LOG_POSITIONS)).toPrecision(2));
}
