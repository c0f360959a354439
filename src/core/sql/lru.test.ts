import { expect, it } from 'vitest';
import { Lru } from './lru.ts';

it('evicts the least recently used by weight and keeps the newest whatever it weighs', () => {
  const evicted: string[] = [];
  const lru = new Lru<number>(3, (_, key) => evicted.push(key));
  lru.set('a', 1);
  lru.set('b', 2);
  lru.set('c', 3);
  lru.get('a');
  lru.set('d', 4);
  expect(evicted).toEqual(['b']);
  lru.set('a', 5);
  expect(evicted).toEqual(['b']);
  lru.set('e', 6, 10);
  expect(evicted).toEqual(['b', 'c', 'd', 'a']);
  expect(lru.get('e')).toBe(6);
  lru.clear();
  expect(lru.get('e')).toBeUndefined();
});
