/** `list`: the tables there are. */
import { rowsOf, type Tool } from './tool.ts';

export const list: Tool = {
  name: 'list',
  usage: 'list',
  read: (text, { tables }) =>
    text === ''
      ? {
          args: [],
          outcome: rowsOf(
            ['table'],
            tables.map(({ name }) => [name]),
          ),
        }
      : null,
  whole: true,
  lines: ({ rows }) => [rows.map(([name]) => String(name)).join(', ')],
};
