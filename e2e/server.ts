/**
 * A static server as plain as a free hosting service: right MIME types, no special headers, the page
 * below a path. It can be cut off, remembers what was asked for, and can put code before a script,
 * which reaches workers of workers too.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

const MIME: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};

export interface ServedRequest {
  path: string;
  status: number;
  /** Bytes of the body as it is, and as gzip would send it. */
  bytes: number;
  gzip: number;
  /** What the browser wants it for (`Sec-Fetch-Dest`): `document`, `script`, `worker`, … */
  destination: string;
}

export interface TestServer {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  readonly port: number;
  /** What was answered so far, in order. */
  readonly requests: ServedRequest[];
  /** Every connection is cut from now on, or answered again. */
  setOffline(offline: boolean): void;
  /** Puts `code` before each script whose path matches, from now on. Returns what undoes it. */
  prepend(path: RegExp, code: string): () => void;
  close(): Promise<void>;
}

/**
 * @param mounts folders by the path they are served under, such as `/play/stepsql/`
 * @param host address to listen on; `0.0.0.0` is every one
 */
export async function startServer(
  mounts: Record<string, string>,
  host = '127.0.0.1',
): Promise<TestServer> {
  const requests: ServedRequest[] = [];
  const changes = new Set<{ path: RegExp; code: string }>();
  let offline = false;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://host');
    const found = await findFile(mounts, decodeURIComponent(pathname));
    if (typeof found === 'string') {
      response.writeHead(301, { location: found }).end();
      return;
    }
    let body: Buffer = found?.body ?? Buffer.from('Not found');
    const type = found?.type ?? 'text/plain';
    if (type.startsWith('text/javascript')) {
      for (const { path, code } of changes) {
        if (path.test(pathname)) body = Buffer.concat([Buffer.from(`${code}\n`), body]);
      }
    }
    const status = found ? 200 : 404;
    const destination = String(request.headers['sec-fetch-dest'] ?? '');
    const gzip = gzipSync(body).length;
    requests.push({ path: pathname, status, bytes: body.length, gzip, destination });
    response.writeHead(status, { 'content-type': type, 'content-length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  const server = createServer((request, response) => {
    if (offline) {
      request.socket.destroy();
      return;
    }
    answer(request, response).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    requests,
    setOffline(value) {
      offline = value;
      if (value) server.closeAllConnections();
    },
    prepend(path, code) {
      const change = { path, code };
      changes.add(change);
      return () => changes.delete(change);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The file at a path, where to go instead of a folder without its slash, or undefined. */
async function findFile(
  mounts: Record<string, string>,
  path: string,
): Promise<{ body: Buffer; type: string } | string | undefined> {
  for (const [mount, folder] of Object.entries(mounts)) {
    if (`${path}/` === mount) return mount;
    if (!path.startsWith(mount)) continue;
    const inside = path.slice(mount.length);
    const file = normalize(join(folder, inside === '' ? 'index.html' : inside));
    if (!file.startsWith(folder + sep)) return undefined;
    const body = await readFile(file).catch(() => undefined);
    return body && { body, type: MIME[extname(file)] ?? 'application/octet-stream' };
  }
  return undefined;
}
