/** Whether rows are read four numbers at a time: wherever their length allows it. */

export type Element = 'vec4f' | 'f32';

/** How a row of `width` numbers is read, and how many such elements it has. */
export const elementOf = (width: number): [Element, number] =>
  width % 4 === 0 ? ['vec4f', width / 4] : ['f32', width];

/** A program in both versions. */
export const inBoth = <T>(make: (element: Element) => T): Record<Element, T> => ({
  vec4f: make('vec4f'),
  f32: make('f32'),
});
