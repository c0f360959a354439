import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Schema, Task } from '../data/task.ts';
import { directPrompt } from '../text/prompt.ts';
import { THINK_CLOSE, THINK_OPEN, thinkProtocol, thinkText } from './think.ts';

const schema: Schema = { tables: [] };
const task: Task = { id: 't', db_id: 'd', question: 'How many?', split: 'train' };
const read = (text: string) => thinkProtocol.read(text, { task, schema, steps: [] });

describe('the think protocol', () => {
  it('asks for the thought after the question of the direct prompt', () => {
    const prompt = thinkProtocol.prompt(task, schema, { style: 'compact' });
    expect(prompt).toBe(
      directPrompt(schema, task, { style: 'compact' }).replace('SQL:', 'Think, then SQL:'),
    );
  });

  it('reads what the warm start writes', () => {
    const text = thinkText('count the rows of song', 'SELECT COUNT(*) FROM song');
    expect(read(text)).toEqual({
      kind: 'answer',
      thought: 'count the rows of song',
      thoughtLength: text.indexOf('\n'),
      sql: 'SELECT COUNT(*) FROM song',
    });
  });

  it.each([
    ['SELECT 1', '', ''],
    ['<think> never closed SELECT 1', 'never closed SELECT 1', ''],
    ['<think>a</think>', 'a', ''],
    ['opened in the prompt</think>SELECT 1;', 'opened in the prompt', 'SELECT 1'],
    ['<think>a</think>SELECT 1<think>b</think> SELECT 2', 'a</think>SELECT 1<think>b', 'SELECT 2'],
    ['</think>SELECT 1 <think>', '', 'SELECT 1 <think>'],
    ['before <think>a</think> SELECT 1', 'a', 'SELECT 1'],
    ['<think>a</think>```sql\nSELECT 1\n```', 'a', 'SELECT 1'],
    ['<THINK>a</THINK>SELECT 1', '', ''],
  ])('reads %j', (text, thought, sql) => {
    expect(read(text)).toMatchObject({ kind: 'answer', thought, sql });
  });

  it('makes one answer of any text', () => {
    const part = fc.oneof(
      fc.constantFrom(THINK_OPEN, THINK_CLOSE, '<thi', 'nk>', '```', 'SELECT 1', '\n', ';'),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const text = parts.join('');
        const { kind, sql, thought, thoughtLength } = read(text);
        expect(kind).toBe('answer');
        expect(thoughtLength).toBeLessThanOrEqual(text.length);
        expect(text).toContain(thought);
        // What runs was written after the last thought.
        if (sql !== '') expect(text.slice(thoughtLength)).toContain(sql);
        expect(sql).not.toContain(THINK_CLOSE);
        if (!text.includes(THINK_CLOSE)) expect(sql).toBe('');
      }),
    );
  });

  it('finds the SQL whatever the thought says, short of another closing tag', () => {
    fc.assert(
      fc.property(fc.string(), (thought) => {
        fc.pre(!thought.includes('</'));
        expect(read(thinkText(thought, 'SELECT a FROM b')).sql).toBe('SELECT a FROM b');
      }),
    );
  });
});
