/**
 * Errors people can act on. Every message names the field, the value and what was expected; `code`
 * survives worker boundaries, where classes do not.
 */
export class StepSqlError extends Error {
  readonly code: string;
  readonly field: string | undefined;

  constructor(code: string, message: string, field?: string) {
    super(message);
    this.name = 'StepSqlError';
    this.code = code;
    this.field = field;
  }
}

const written = (value: unknown): string => {
  if (typeof value === 'bigint') return `${value}n`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return 'something JSON cannot show'; // nested too deeply, or a bigint inside
  }
};

const shown = (value: unknown): string => {
  const text = written(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
};

/** The one way to refuse input: field, value, expectation. */
export function badInput(field: string, value: unknown, expected: string): StepSqlError {
  return new StepSqlError(
    'bad_input',
    `${field}: got ${shown(value)}, expected ${expected}`,
    field,
  );
}
