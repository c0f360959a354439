/** Small English: plurals, verbs and lists, enough for the Nursery's words. */

const IRREGULAR: Record<string, string> = {
  aircraft: 'aircraft',
  footfall: 'footfall',
  traffic: 'traffic',
  kcal: 'kcal',
  diagnosis: 'diagnoses',
};

/** Column words that are plural as they stand: `seats are`, not `seats is`. */
const PLURAL_ONLY = new Set(
  (
    'seats places minutes kilograms stars votes likes ballots upvotes sales copies units_sold ' +
    'copies_sold employees personnel wins victories triumphs matches_won points goals hits ' +
    'credits units credit_hours pieces items_bought calories visits visitors earnings proceeds ' +
    'takings years_served service_years years_of_service'
  ).split(' '),
);

export const isPlural = (word: string): boolean => PLURAL_ONLY.has(word);

/** Plural of an identifier; in a snake_case name the last part takes the ending. */
export function plural(word: string): string {
  const known = IRREGULAR[word];
  if (known !== undefined) return known;
  if (PLURAL_ONLY.has(word)) return word;
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  if (/(s|x|ch|sh)$/.test(word)) return `${word}es`;
  return `${word}s`;
}

/** An identifier as words of a sentence. */
export const spaced = (identifier: string): string => identifier.replaceAll('_', ' ');

export const withArticle = (words: string): string =>
  /^([aeio]|u(?!ni))/.test(words) ? `an ${words}` : `a ${words}`;
