/** Just enough of SQLite's lexical rules to colour a query. Never fails: the texts always add up to the input. */

export type SqlTokenKind = 'keyword' | 'function' | 'string' | 'identifier' | 'number' | 'comment';

export interface SqlToken {
  /** null for what stays uncoloured. */
  kind: SqlTokenKind | null;
  text: string;
}

const KEYWORDS = new Set(
  (
    'ALL AND AS ASC BETWEEN BY CASE CAST COLLATE CROSS CURRENT CURRENT_DATE CURRENT_TIME ' +
    'CURRENT_TIMESTAMP DESC DISTINCT ELSE END ESCAPE EXCEPT EXISTS EXPLAIN FILTER FIRST FOLLOWING ' +
    'FROM FULL GLOB GROUP HAVING IN INDEXED INNER INTERSECT IS ISNULL JOIN LAST LEFT LIKE LIMIT ' +
    'MATCH MATERIALIZED NATURAL NOT NOTNULL NULL NULLS OFFSET ON OR ORDER OUTER OVER PARTITION ' +
    'PLAN PRECEDING QUERY RANGE RECURSIVE REGEXP RIGHT ROW ROWS SELECT THEN UNBOUNDED UNION USING ' +
    'VALUES WHEN WHERE WINDOW WITH'
  ).split(' '),
);

// Alternatives are disjoint in their first character where it matters, so matching is linear. Strings
// and comments may be cut off by the end: a policy stops where it likes.
const TOKEN = new RegExp(
  [
    /(?<comment>--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))/u,
    /(?<string>[xX]?'(?:[^']+|'')*(?:'|$))/u,
    /(?<identifier>"(?:[^"]+|"")*(?:"|$)|`[^`]*(?:`|$)|\[[^\]]*(?:\]|$))/u,
    /(?<number>0[xX][\da-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)/u,
    /(?<word>[\p{L}_$][\p{L}\p{N}_$]*)/u,
    /(?<rest>[\s\S])/u,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gu',
);

export function sqlTokens(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  const push = (kind: SqlTokenKind | null, text: string): void => {
    const last = tokens.at(-1);
    if (last && last.kind === null && kind === null) last.text += text;
    else tokens.push({ kind, text });
  };
  for (const { 0: text, groups, index } of sql.matchAll(TOKEN)) {
    const { comment, string, identifier, number, word } = groups!;
    if (comment !== undefined) push('comment', text);
    else if (string !== undefined) push('string', text);
    else if (identifier !== undefined) push('identifier', text);
    else if (number !== undefined) push('number', text);
    else if (word === undefined) push(null, text);
    else if (KEYWORDS.has(word.toUpperCase())) push('keyword', text);
    else push(sql[index + text.length] === '(' ? 'function' : null, text);
  }
  return tokens;
}
