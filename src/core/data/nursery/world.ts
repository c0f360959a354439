/**
 * Which questions the Nursery asks: single queries; those that take several CTEs (steps/); or single queries
 * with names and spellings that only tools tell (hidden/).
 */
export const WORLDS = ['plain', 'steps', 'hidden'] as const;
export type World = (typeof WORLDS)[number];

/** Worlds that differ in what is asked alone. */
export type DraftedWorld = Exclude<World, 'hidden'>;
