/** `query`: the result of any one SELECT the sandbox takes. */
import { extractSql } from '../../text/prompt.ts';
import type { Tool } from './tool.ts';

export const query: Tool = {
  name: 'query',
  usage: 'query <SQL>',
  read(text) {
    const sql = extractSql(text);
    return sql === '' ? null : { args: [sql.replace(/\s+/g, ' ')], sql };
  },
};
