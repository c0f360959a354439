/**
 * Reading SQL just closely enough to refuse it: tokens, never a tree. Token boundaries follow SQLite's
 * tokenizer (tokenize.c); what a statement *means* is left to SQLite itself.
 */

export interface Token {
  kind: 'word' | 'quoted' | 'symbol';
  /** Words in upper case, quoted tokens without their quotes, symbols as they are. */
  text: string;
  start: number;
  end: number;
}

// White space and comments (an unfinished one runs to the end), quoted, words, anything else.
const TOKEN =
  /(?:[\t-\r \uFEFF]+|--[^\n]*|\/\*[^]*?(?:\*\/|$))|('[^']*(?:''[^']*)*'?|"[^"]*(?:""[^"]*)*"?|`[^`]*(?:``[^`]*)*`?|\[[^\]]*\]?)|([A-Za-z_\u0080-\uFFFF][\w$\u0080-\uFFFF]*)|([^])/y;

export function* tokens(sql: string): Generator<Token> {
  let at = 0;
  for (;;) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(sql);
    if (!match) return;
    const start = at;
    at += match[0].length;
    const [, quoted, word, symbol] = match;
    if (word !== undefined) {
      yield { kind: 'word', text: word.toUpperCase(), start, end: at };
    } else if (quoted !== undefined) {
      yield { kind: 'quoted', text: quoted.slice(1, -1), start, end: at };
    } else if (symbol !== undefined) {
      yield { kind: 'symbol', text: symbol, start, end: at };
    }
  }
}

const isSemicolon = ({ kind, text }: Token): boolean => kind === 'symbol' && text === ';';

const READERS = new Set(['SELECT', 'WITH', 'VALUES']);
const WRITERS = new Set(['INSERT', 'UPDATE', 'DELETE']);

export const SEVERAL = 'more than one statement';

/**
 * Why this text may not even be prepared, or null. Looked at before SQLite sees it, because many
 * PRAGMAs act while being prepared, under EXPLAIN too.
 */
export function refusal(sql: string, maxLength: number): string | null {
  if (sql.length > maxLength) return `longer than ${maxLength} characters`;
  if (sql.includes('\0')) return 'contains a NUL character';
  let depth = 0;
  let state: 'start' | 'explain' | 'query' | 'body' | 'end' = 'start';
  for (const token of tokens(sql)) {
    if (state === 'end') {
      if (!isSemicolon(token)) return SEVERAL;
      continue;
    }
    if (state !== 'body') {
      if (state === 'start' && isSemicolon(token)) continue;
      const word = token.kind === 'word' ? token.text : '';
      if (state === 'start' && word === 'EXPLAIN') state = 'explain';
      else if (state === 'explain' && word === 'QUERY') state = 'query';
      else if (state === 'query' && word === 'PLAN') state = 'explain';
      else if (state !== 'query' && READERS.has(word)) state = 'body';
      else return `only SELECT, WITH, VALUES or EXPLAIN may run, not ${token.text.slice(0, 40)}`;
      continue;
    }
    if (token.kind === 'symbol') {
      if (token.text === '(') depth++;
      else if (token.text === ')') depth--;
      else if (token.text === ';') state = 'end';
    } else if (/^pragma_/i.test(token.text)) {
      return 'PRAGMA functions may not run';
    } else if (token.kind === 'word' && depth === 0 && WRITERS.has(token.text)) {
      return `only reading may run, not ${token.text}`;
    }
  }
  return state === 'body' || state === 'end' ? null : 'no statement';
}

/** True when nothing but white space, comments and semicolons is left. */
export function onlyTrivia(sql: string): boolean {
  for (const token of tokens(sql)) if (!isSemicolon(token)) return false;
  return true;
}

/**
 * Whether the query itself orders its rows: ORDER BY outside all parentheses. (Spider's evaluator
 * looks for the words anywhere, so that an ordered subquery makes it demand an order nobody asked for.)
 */
export function ordersRows(sql: string): boolean {
  let depth = 0;
  let afterOrder = false;
  for (const token of tokens(sql)) {
    if (token.kind === 'symbol') {
      if (token.text === '(') depth++;
      else if (token.text === ')') depth--;
    }
    const word = token.kind === 'word' && depth === 0 ? token.text : '';
    if (afterOrder && word === 'BY') return true;
    afterOrder = word === 'ORDER';
  }
  return false;
}

/** The query without the word DISTINCT, as Spider's evaluator runs both queries by default. */
export function removeDistinct(sql: string): string {
  let text = '';
  let at = 0;
  for (const token of tokens(sql)) {
    if (token.kind !== 'word' || token.text !== 'DISTINCT') continue;
    text += sql.slice(at, token.start);
    at = token.end;
  }
  return text + sql.slice(at);
}

/** Tokens that may add a level to a syntax tree: all but commas and dots, a number being one. */
export function significantTokens(sql: string): number {
  let count = 0;
  let digitEnd = -1;
  for (const { kind, text, start, end } of tokens(sql)) {
    const isDigit = kind === 'symbol' && text >= '0' && text <= '9';
    if (kind !== 'symbol' || (isDigit ? start !== digitEnd : text !== ',' && text !== '.')) count++;
    if (isDigit) digitEnd = end;
  }
  return count;
}
