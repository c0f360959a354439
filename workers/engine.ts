/**
 * The page's side of its workers: one policy worker and one reward worker, which live and die together.
 * Whatever goes wrong in them is met by a new engine and the run's last checkpoint.
 */
import * as Comlink from 'comlink';
import type { Schema } from '../src/core/data/task.ts';
import type { StepSqlError } from '../src/core/errors.ts';
import type { Candidate } from '../src/core/evaluate/ballot.ts';
import { connect, type Connection } from './call.ts';
import type {
  AskRequest,
  BackendChoice,
  ImportedFiles,
  PolicyEvent,
  PolicyWorkerApi,
  RewardWorkerApi,
  StartedBackend,
  TrainEnd,
  TrainRequest,
} from './protocol.ts';

/** For loading tfjs and compiling its kernels on a slow machine. */
const START_LIMIT_MS = 180_000;

export class Engine {
  readonly #policy: Connection<PolicyWorkerApi>;
  readonly #reward: Connection<RewardWorkerApi>;
  /** Settles once the backend runs, or rejects with why it does not. */
  readonly started: Promise<StartedBackend>;
  /** Resolves when a worker has died by itself. */
  readonly died: Promise<StepSqlError>;

  /** @param onProgress hears of kernels being compiled while it starts */
  constructor(choice: BackendChoice, onProgress: (done: number, all: number) => void) {
    this.#policy = connect(
      new Worker(new URL('./policy.worker.ts', import.meta.url), {
        type: 'module',
        name: 'policy',
      }),
    );
    this.#reward = connect(
      new Worker(new URL('./reward.worker.ts', import.meta.url), {
        type: 'module',
        name: 'reward',
      }),
    );
    this.died = Promise.race([this.#policy.died, this.#reward.died]);
    const { port1, port2 } = new MessageChannel();
    const connected = this.#reward.api.connect(Comlink.transfer(port2, [port2]));
    const started = this.#policy.call(
      (api) =>
        api.start(
          ...[choice, navigator.hardwareConcurrency, Comlink.transfer(port1, [port1])],
          Comlink.proxy(onProgress),
        ),
      { deadlineMs: START_LIMIT_MS },
    );
    this.started = Promise.all([started, connected]).then(([backend]) => backend);
  }

  train(request: TrainRequest, onEvents: (events: PolicyEvent[]) => void): Promise<TrainEnd> {
    return this.#policy.api.train(request, Comlink.proxy(onEvents));
  }

  stop(): Promise<void> {
    return this.#policy.api.stop();
  }

  ask(request: AskRequest): Promise<Candidate[]> {
    return this.#policy.api.ask(request);
  }

  schema(): Promise<Schema> {
    return this.#policy.api.schema();
  }

  importFiles(zip: Uint8Array): Promise<ImportedFiles> {
    return this.#reward.api.importFiles(Comlink.transfer(zip, [zip.buffer]));
  }

  /** Ends both workers; calls under way fail with `why`. Resolves when they have stopped. */
  async close(why?: StepSqlError): Promise<void> {
    await Promise.all([this.#policy.terminate(why), this.#reward.terminate(why)]);
  }
}
