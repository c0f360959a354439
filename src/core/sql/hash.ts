import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** SHA-256 of a database file, 64 hex digits. In JavaScript: plain http has no crypto.subtle. */
export function databaseHash(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes));
}
