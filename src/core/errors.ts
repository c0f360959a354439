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

const shown = (value: unknown): string => {
  const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
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
