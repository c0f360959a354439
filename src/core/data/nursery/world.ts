/** Which questions the Nursery asks: single queries, or those that take several CTEs (steps/). */
export const WORLDS = ['plain', 'steps'] as const;
export type World = (typeof WORLDS)[number];
