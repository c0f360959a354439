import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Painter } from './painter.ts';

let frames: (() => void)[] = [];
const frame = (): void => frames.shift()?.();

beforeEach(() => {
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => frames.push(run));
  vi.stubGlobal('cancelAnimationFrame', () => (frames = []));
});
afterEach(() => void vi.unstubAllGlobals());

it('draws one a frame, in turn, and then rests', () => {
  const painter = new Painter();
  const drawn: string[] = [];
  for (const name of ['a', 'b', 'c']) painter.add(() => drawn.push(name) > 0);
  painter.request();
  painter.request();
  frame();
  expect(drawn).toEqual(['a']);
  frame();
  frame();
  expect(drawn).toEqual(['a', 'b', 'c']);
  expect(frames).toEqual([]);
});

it('passes on the frame of one with nothing to draw', () => {
  const painter = new Painter();
  const drawn: string[] = [];
  painter.add(() => false);
  painter.add(() => drawn.push('b') > 0);
  frame();
  expect(drawn).toEqual(['b']);
});

it('forgets what was removed, and everything when stopped', () => {
  const painter = new Painter();
  const paint = vi.fn(() => true);
  const remove = painter.add(paint);
  remove();
  painter.request();
  frame();
  painter.add(paint);
  painter.stop();
  frame();
  expect(paint).not.toHaveBeenCalled();
});
