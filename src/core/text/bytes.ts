/**
 * GPT-2's table of one printable character per byte, which byte-level BPE vocabularies are written
 * in (openai/gpt-2, `encoder.py`, `bytes_to_unicode`): printable Latin-1 stands for itself, the other
 * 68 bytes for U+0100 onwards.
 */
const printable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

/** Byte → its character. 256 entries. */
export const BYTE_TO_CHAR: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(printable(byte) ? byte : next++),
  );
})();

const CHAR_TO_BYTE: ReadonlyMap<string, number> = new Map(
  BYTE_TO_CHAR.map((char, byte) => [char, byte]),
);

const encoder = new TextEncoder();

/** Text as the vocabulary spells it: its UTF-8 bytes, one character each. */
export function toByteChars(text: string): string {
  let chars = '';
  for (const byte of encoder.encode(text)) chars += BYTE_TO_CHAR[byte]!;
  return chars;
}

/** The bytes a vocabulary entry stands for, or undefined when it is not written in byte characters. */
export function fromByteChars(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = CHAR_TO_BYTE.get(token[i]!);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
