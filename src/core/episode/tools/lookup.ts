/**
 * `lookup`: the values a column stores whose meaning or spelling contains some words. Meanings are the schema's
 * value descriptions; what is stored is asked of the database itself.
 */
import { quoteName, sqlLiteral } from '../../text/identifier.ts';
import { failure, findNamed, findTable, type Tool } from './tool.ts';

/** Values asked for: more than any observation shows. */
const MOST_VALUES = 20;

const CALL = /^(\S+)\s+(\S+)\s+(\S[^]*)$/;

/** For LIKE … ESCAPE '\'. */
const escaped = (words: string): string => words.replace(/[\\%_]/g, '\\$&');

export const lookup: Tool = {
  name: 'lookup',
  usage: 'lookup <table> <column> <words>',
  read(text, schema) {
    const [, tableName, columnName, rest] = CALL.exec(text) ?? [];
    if (tableName === undefined || columnName === undefined || rest === undefined) return null;
    const words = rest
      .replace(/^(["'`])([^]*)\1$/, '$2')
      .replace(/\s+/g, ' ')
      .toLowerCase();
    const table = findTable(schema, tableName);
    if (!table) {
      const args = [tableName, columnName, words];
      return { args, outcome: failure(`no such table: ${tableName}`) };
    }
    const column = findNamed(table.columns, columnName);
    if (!column) {
      const args = [table.name, columnName, words];
      return { args, outcome: failure(`no such column: ${columnName}`) };
    }
    const meant = [...(column.values ?? [])].filter(([, meaning]) =>
      meaning.toLowerCase().includes(words),
    );
    const name = quoteName(column.name);
    const codes = meant.map(([stored]) => sqlLiteral(stored)).join(', ');
    const like = `${name} LIKE ${sqlLiteral(`%${escaped(words)}%`)} ESCAPE '\\'`;
    const where = codes === '' ? like : `${name} IN (${codes}) OR ${like}`;
    return {
      args: [table.name, column.name, words],
      sql: `SELECT DISTINCT ${name} FROM ${quoteName(table.name)} WHERE ${where} ORDER BY 1 LIMIT ${MOST_VALUES}`,
    };
  },
  lines({ rows }, [tableName, columnName], schema) {
    const table = findTable(schema, tableName ?? '');
    const column = findNamed(table?.columns ?? [], columnName ?? '');
    return rows.map(([stored]) => {
      const meaning = column?.values?.get(String(stored));
      return sqlLiteral(stored ?? null) + (meaning === undefined ? '' : ` ${meaning}`);
    });
  },
};
