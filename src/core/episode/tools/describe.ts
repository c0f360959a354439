/**
 * `describe`: the columns of a table that the prompt hides or that have a description, with it, as BIRD's database
 * descriptions give them; all columns where there are none such.
 */
import { quoteName } from '../../text/identifier.ts';
import { failure, findTable, rowsOf, type Tool } from './tool.ts';

export const describe: Tool = {
  name: 'describe',
  usage: 'describe <table>',
  read(text, schema) {
    if (text === '') return null;
    const table = findTable(schema, text);
    if (!table) return { args: [text], outcome: failure(`no such table: ${text}`) };
    const described = table.columns.filter(
      ({ hidden, description }) => hidden || description !== undefined,
    );
    const columns = described.length > 0 ? described : table.columns;
    const rows = columns.map(({ name, values, description = '' }) => [
      quoteName(name) + (values ? '#' : ''),
      // `price_zu` says itself what it is.
      name.startsWith(description) ? '' : description,
    ]);
    return { args: [table.name], outcome: rowsOf(['column', 'meaning'], rows) };
  },
  whole: true,
  lines: ({ rows }) => rows.map((row) => row.filter((cell) => cell !== '').join(' ')),
};
