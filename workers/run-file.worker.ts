/** Packs or unpacks a run file off the page's thread. Started for one job. */
import * as Comlink from 'comlink';
import { expose } from './call.ts';
import { RunDatabase } from './run-database.ts';
import { packFile, unpackFile } from './pack.ts';

async function withDatabase<T>(work: (database: RunDatabase) => Promise<T>): Promise<T> {
  const database = await RunDatabase.open();
  try {
    return await work(database);
  } finally {
    database.close();
  }
}

const api = {
  async pack(id: string): Promise<Uint8Array> {
    const bytes = await withDatabase((database) => packFile(database, id));
    return Comlink.transfer(bytes, [bytes.buffer]);
  },

  /** Returns the id of the run it became. */
  unpack: (bytes: Uint8Array): Promise<string> =>
    withDatabase((database) => unpackFile(database, bytes)),
};

export type RunFileApi = typeof api;

expose(api);
