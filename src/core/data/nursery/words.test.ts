import { expect, it } from 'vitest';
import { isPlural, plural, spaced, withArticle } from './words.ts';

it('forms plurals of the words the Nursery has', () => {
  expect(
    ['singer', 'city', 'day', 'dish', 'mass', 'seats', 'release_year', 'aircraft'].map(plural),
  ).toEqual([
    'singers',
    'cities',
    'days',
    'dishes',
    'masses',
    'seats',
    'release_years',
    'aircraft',
  ]);
});

it('speaks identifiers', () => {
  expect(spaced('release_year')).toBe('release year');
  expect(['album', 'university', 'song'].map(withArticle)).toEqual([
    'an album',
    'a university',
    'a song',
  ]);
  expect(isPlural('seats')).toBe(true);
  expect(isPlural('price')).toBe(false);
});
