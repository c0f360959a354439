/** A process that answers requests, each a line of JSON (serve.py, jax_step.js). */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { resolve } from 'node:path';

type Answer = Record<string, unknown>;

/** Where the scripts are, from the folder that `npm run bench` runs in. */
const PEERS = resolve('bench/peers');

export class PeerProcess {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  #complaints = '';

  private constructor(program: string, script: string) {
    this.#process = spawn(program, [resolve(PEERS, script)], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
    this.#process.stdin.on('error', () => undefined); // the missing answer says it
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2000);
    });
  }

  /** @throws Error saying why the script does not run */
  static async start(program: string, script: string): Promise<PeerProcess> {
    const peer = new PeerProcess(program, script);
    const missing = new Promise<never>((_, reject) => peer.#process.once('error', reject));
    missing.catch(() => undefined);
    await Promise.race([peer.#answer(), missing]);
    return peer;
  }

  async ask(op: string, data: Answer = {}): Promise<Answer> {
    this.#process.stdin.write(`${JSON.stringify({ op, ...data })}\n`);
    return this.#answer();
  }

  /** Seconds of a run, as the process measured them. */
  async seconds(data: Answer): Promise<number> {
    return Number((await this.ask('run', data))['seconds']);
  }

  close(): void {
    this.#process.kill();
  }

  async #answer(): Promise<Answer> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(/^(?:\w*Error).*$/m.exec(this.#complaints)?.[0] ?? 'it ended');
    const answer = JSON.parse(value) as Answer;
    if ('error' in answer) throw new Error(String(answer['error']));
    return answer;
  }
}
