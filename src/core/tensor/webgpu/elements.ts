/**
 * What programs with a thread per element share: how they begin, and whether rows are read four numbers at a
 * time, which is wherever their length allows it.
 */

export type Element = 'vec4f' | 'f32';

/** How a row of `width` numbers is read, and how many such elements it has. */
export const elementOf = (width: number): [Element, number] =>
  width % 4 === 0 ? ['vec4f', width / 4] : ['f32', width];

/** A program in both versions. */
export const inBoth = <T>(make: (element: Element) => T): Record<Element, T> => ({
  vec4f: make('vec4f'),
  f32: make('f32'),
});

/** Start of a program whose threads count `i` up to params.count. */
export const perElement = `
@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = 256u * (group.x + group.y * groups.x) + thread;
  if (i >= params.count) { return; }`;
