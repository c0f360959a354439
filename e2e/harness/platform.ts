/** The platform's side of core in the harness: the backend, SQLite, and policies over HTTP. */
import { setWasmPaths, tf } from '#tfjs';
import tfjsWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import sqlWasm from 'sql.js/dist/sql-wasm-browser.wasm?url';
import { loadPolicy } from '../../src/core/model/checkpoint.ts';
import type { Policy } from '../../src/core/model/policy.ts';
import { loadSql } from '../../src/core/sql/load.ts';
import { startBackend } from '../../src/core/tensor/backend.ts';
import { Tokenizer } from '../../src/core/text/tokenizer.ts';
import { useTabSqlParser } from '../../workers/sql-parser.ts';

export type Backend = 'wasm' | 'webgpu';

let pathsSet = false;

/** Makes `name` the current backend; may be called again to change it. */
export async function useBackend(name: Backend): Promise<void> {
  if (!pathsSet) {
    setWasmPaths({
      'tfjs-backend-wasm.wasm': tfjsWasm,
      'tfjs-backend-wasm-simd.wasm': tfjsWasm,
      'tfjs-backend-wasm-threaded-simd.wasm': tfjsWasm,
    });
    pathsSet = true;
  }
  await startBackend(name);
}

useTabSqlParser();

export const sqlEngine = () => loadSql(() => sqlWasm);

export interface Start {
  policy: Policy;
  tokenizer: Tokenizer;
}

/** A warm start from the folder `public/` as it is served at `files`. */
export async function warmStart(files: string, name = 'warm-0'): Promise<Start> {
  const read = async (file: string): Promise<Uint8Array> => {
    const response = await fetch(`${files}checkpoints/${name}/${file}`);
    if (!response.ok) throw new Error(`${response.url}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  };
  const [config, model, tokenizer, settings] = await Promise.all(
    ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'].map(read),
  );
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return {
    policy: loadPolicy({ 'config.json': config!, 'model.safetensors': model! }),
    tokenizer: Tokenizer.fromFiles({
      'tokenizer.json': text(tokenizer!),
      'tokenizer_config.json': text(settings!),
    }),
  };
}

export interface Memory {
  tensors: number;
  bytes: number;
  /** Of buffers in use, and of all there are, those kept for reuse included; 0 on wasm. */
  gpuBytes: number;
  gpuAllocated: number;
}

export function memory(): Memory {
  const now = tf.memory() as ReturnType<typeof tf.memory> & {
    numBytesInGPU?: number;
    numBytesAllocatedInGPU?: number;
  };
  return {
    tensors: now.numTensors,
    bytes: now.numBytes,
    gpuBytes: now.numBytesInGPU ?? 0,
    gpuAllocated: now.numBytesAllocatedInGPU ?? 0,
  };
}
