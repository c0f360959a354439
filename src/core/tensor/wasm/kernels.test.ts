import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KERNELS_BASE64 } from './kernels.generated.ts';

const bytes = Uint8Array.from(Buffer.from(KERNELS_BASE64, 'base64'));

/** Ids of a module's sections, in order. */
function sections(wasm: Uint8Array): number[] {
  const ids: number[] = [];
  let at = 8; // after magic and version
  while (at < wasm.length) {
    ids.push(wasm[at++]!);
    let [size, shift] = [0, 0];
    for (let more = true; more; shift += 7) {
      const byte = wasm[at++]!;
      size |= (byte & 127) << shift;
      more = byte >= 128;
    }
    at += size;
  }
  return ids;
}

const [START, DATA, DATA_COUNT] = [8, 11, 12];

describe('the compiled kernels', () => {
  it('own no data: they live in the memory of tfjs and would overwrite it', () => {
    const ids = sections(bytes);
    expect(ids).toContain(10); // code
    for (const id of [START, DATA, DATA_COUNT]) expect(ids).not.toContain(id);
  });

  it('import the memory and nothing else, export functions and nothing else', () => {
    const module = new WebAssembly.Module(bytes);
    expect(WebAssembly.Module.imports(module)).toEqual([
      { module: 'env', name: 'memory', kind: 'memory' },
    ]);
    const exported = WebAssembly.Module.exports(module).filter(({ name }) => name !== 'memory');
    expect(new Set(exported.map(({ kind }) => kind))).toEqual(new Set(['function']));
  });

  it('are what assembly/ compiles to', () => {
    const root = resolve(import.meta.dirname, '../../../..');
    execFileSync(process.execPath, ['tools/build-kernels.js', '--check'], {
      cwd: root,
      stdio: 'pipe',
    });
  });
});
