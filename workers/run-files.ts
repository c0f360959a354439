/** Run files (.zip) from the page: packed and unpacked in a worker of their own, gone when done. */
import * as Comlink from 'comlink';
import { connect } from './call.ts';
import type { RunFileApi } from './run-file.worker.ts';

async function once<T>(work: (api: Comlink.Remote<RunFileApi>) => Promise<T>): Promise<T> {
  const connection = connect<RunFileApi>(
    new Worker(new URL('./run-file.worker.ts', import.meta.url), {
      type: 'module',
      name: 'run-file',
    }),
  );
  try {
    return await work(connection.api);
  } finally {
    connection.terminate();
  }
}

export const packRunFile = (id: string): Promise<Uint8Array> => once((api) => api.pack(id));

/** Returns the id of the run it became. */
export const unpackRunFile = (bytes: Uint8Array): Promise<string> =>
  once((api) => api.unpack(Comlink.transfer(bytes, [bytes.buffer])));
