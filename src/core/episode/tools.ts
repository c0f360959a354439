/**
 * The tools protocol (FineStep 2605.04719; its protocol is unknown, so this is SkyRL-SQL's with named tools,
 * papers.md §6.1): think → call → observation → … → answer. A turn is `<think> … </think>` and then either
 * `<call> tool arguments </call>` or, as the answer, `<sql> … </sql>`.
 */
import type { Outcome } from '../sql/outcome.ts';
import { sqlLiteral } from '../text/identifier.ts';
import { extractSql, promptEndingIn, type PromptOptions } from '../text/prompt.ts';
import type { Step, ToolCall } from './episode.ts';
import type { TurnOptions } from './index.ts';
import type { Protocol, Situation, Turn } from './protocol.ts';
import { THINK_CLOSE, THINK_OPEN } from './think.ts';
import { describe } from './tools/describe.ts';
import { list } from './tools/list.ts';
import { lookup } from './tools/lookup.ts';
import { query } from './tools/query.ts';
import { failure, type RowsOutcome, type Tool } from './tools/tool.ts';

export const TOOLS: readonly Tool[] = [list, describe, lookup, query];

export const CALL_OPEN = '<call>';
export const CALL_CLOSE = '</call>';
export const SQL_OPEN = '<sql>';
export const SQL_CLOSE = '</sql>';
export const OBSERVATION_OPEN = '<observation>';
export const OBSERVATION_CLOSE = '</observation>';

/** One token each in the tokenizer of a policy trained here. */
export const TOOL_TAGS: readonly string[] = [
  ...[THINK_OPEN, THINK_CLOSE, CALL_OPEN, CALL_CLOSE],
  ...[SQL_OPEN, SQL_CLOSE, OBSERVATION_OPEN, OBSERVATION_CLOSE],
];

/** A call as one line: equal calls have equal keys. */
export const callKey = ({ tool, args }: ToolCall): string => [tool, ...args].join(' ');

/** A turn that calls a tool, and one that answers, as the warm start writes them. */
export const callText = (thought: string, call: string): string =>
  `${THINK_OPEN} ${thought}${THINK_CLOSE}${CALL_OPEN} ${call}${CALL_CLOSE}`;
export const answerText = (thought: string, sql: string): string =>
  `${THINK_OPEN} ${thought}${THINK_CLOSE}${SQL_OPEN} ${sql}${SQL_CLOSE}`;

type Read = Pick<Turn, 'thought' | 'thoughtLength'>;

const malformed = (message: string): Turn => ({
  ...{ kind: 'call', call: { tool: '', args: [] }, outcome: failure(message) },
});

function readCall(text: string, { schema }: Situation): Turn {
  const [, name = '', rest = ''] = /^(\S*)\s*([^]*)$/.exec(text.trim()) ?? [];
  if (name === '') return malformed('empty call');
  const tool = TOOLS.find((each) => each.name === name.toLowerCase());
  if (!tool) {
    const call = { tool: name.toLowerCase(), args: rest === '' ? [] : [rest.replace(/\s+/g, ' ')] };
    return { kind: 'call', call, outcome: failure(`no such tool: ${name}`) };
  }
  const reading = tool.read(rest.trim(), schema);
  if (!reading) return malformed(`expected ${tool.usage}`);
  const { args, ...asked } = reading;
  return { kind: 'call', call: { tool: tool.name, args }, ...asked };
}

/** The thought goes to the first `</think>`; one that is never closed is all there is. */
function readThought(text: string): Read & { rest: string } {
  const open = text.indexOf(THINK_OPEN);
  const close = text.indexOf(THINK_CLOSE);
  const start = open < 0 || (close >= 0 && open > close) ? 0 : open + THINK_OPEN.length;
  if (close >= 0) {
    const thoughtLength = close + THINK_CLOSE.length;
    const thought = text.slice(start, close).trim();
    return { thought, thoughtLength, rest: text.slice(thoughtLength) };
  }
  if (open < 0) return { thought: '', thoughtLength: 0, rest: text };
  return { thought: text.slice(start).trim(), thoughtLength: text.length, rest: '' };
}

const ACTION = /<(call|sql)>([^]*?)<\/\1>/;

function readAction(rest: string, before: Situation): Turn {
  const actions = rest.match(/<(?:call|sql)>/g)?.length ?? 0;
  if (actions === 0) return malformed('no call and no answer');
  const [, tag, inner] = ACTION.exec(rest) ?? [];
  if (inner === undefined) return malformed('a tag is not closed');
  if (actions > 1) return malformed('more than one call or answer');
  return tag === 'sql' ? { kind: 'answer', sql: extractSql(inner) } : readCall(inner, before);
}

function contentLines(
  { outcome, call }: Step,
  { schema }: Situation,
  maxRows: number,
): { lines: string[]; more: number } {
  if (!outcome) return { lines: [], more: 0 };
  if (outcome.kind !== 'rows') return { lines: [problem(outcome)], more: 0 };
  if (outcome.rowCount === 0) return { lines: ['nothing'], more: 0 };
  const tool = TOOLS.find(({ name }) => name === call?.tool);
  const most = tool?.whole ? Infinity : maxRows;
  const kept: RowsOutcome = { ...outcome, rows: outcome.rows.slice(0, most) };
  const more = outcome.rowCount - kept.rows.length;
  if (tool?.lines) return { lines: tool.lines(kept, call!.args, schema), more };
  const rows = kept.rows.map((row) => row.map((cell) => sqlLiteral(cell)).join(', '));
  return { lines: [outcome.columns.join(', '), ...rows], more };
}

function problem(outcome: Exclude<Outcome, RowsOutcome>): string {
  if (outcome.kind === 'timeout') return 'error: timeout';
  return `error: ${outcome.kind === 'error' ? outcome.message : outcome.reason}`;
}

/** A result must not be able to imitate the frame around it. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').replaceAll('</', '< /');

function cut(text: string, maxChars: number): string {
  const chars = text.length > maxChars ? [...text] : [];
  return chars.length > maxChars ? `${chars.slice(0, maxChars).join('')}…` : text;
}

const INSTRUCTIONS = (turns: number): string =>
  [
    `You have ${turns} turns. In each, think between ${THINK_OPEN} and ${THINK_CLOSE}, and then either call`,
    `one tool, ${CALL_OPEN} … ${CALL_CLOSE}, or give the final query, ${SQL_OPEN} … ${SQL_CLOSE}. Tools:`,
    ...TOOLS.map(({ usage }) => `- ${usage}`),
  ].join('\n');

function ending(turns: number, { style }: PromptOptions): string {
  return style === 'compact' ? `${turns} left:` : INSTRUCTIONS(turns);
}

/**
 * Blank observations keep their frame: what is a policy worth that cannot read them? Revealed facts stand in the
 * prompt: what is one worth that needs no tools?
 */
export function toolsProtocol(options: TurnOptions): Protocol {
  const { max_turns, observation_rows, observation_chars } = options;
  return {
    maxTurns: max_turns,
    prompt(task, schema, promptOptions, samples) {
      const { question, facts, evidence } = task;
      const known = [evidence, options.reveal_facts ? facts : undefined].filter((each) => each);
      const asked = { question, ...(known.length > 0 && { evidence: known.join(' ') }) };
      return promptEndingIn(
        ...[ending(max_turns, promptOptions), schema, asked, promptOptions, samples],
      );
    },
    read(text, before) {
      const { rest, ...thought } = readThought(text);
      return { ...readAction(rest, before), ...thought };
    },
    observe(after, turnsLeft) {
      const { lines, more } = contentLines(after.steps.at(-1)!, after, observation_rows);
      const shown = lines.map(oneLine).join('\n ');
      const content = cut(shown, observation_chars) + (more > 0 ? `\n +${more}` : '');
      const blank = options.blank_observations;
      return `${OBSERVATION_OPEN}${turnsLeft} left:${blank ? '' : ` ${content}`}${OBSERVATION_CLOSE}`;
    },
  };
}
