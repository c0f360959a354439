/** The engine the page uses: started when first needed, replaced when lost or when another backend is wanted. */
import { Engine } from '../../workers/engine.ts';
import type { BackendChoice, StartedBackend } from '../../workers/protocol.ts';
import { StepSqlError } from '../core/errors.ts';

/** A worker has died, or its backend has failed: only new workers get a new one. */
const SPOILING = ['worker_exit', 'deadline', 'device_lost', 'out_of_memory', 'backend'];

export class EngineHolder {
  /** What the visitor chose. */
  choice = $state<BackendChoice>('auto');
  /** Kernels compiled, and all there are, while WebGPU starts. */
  compiling = $state.raw<{ done: number; all: number } | null>(null);
  /** Null while it starts. */
  backend = $state.raw<StartedBackend | null>(null);
  /** Why it does not start. */
  problem = $state('');
  #engine: Engine | undefined;
  #running: BackendChoice = 'auto';
  /** Resolves once the engines before have stopped, and let go of the run they had locked. */
  #gone: Promise<unknown> = Promise.resolve();

  /** The engine, once it runs: the one that replaced it, if it was while it started. Rejects with why it does not run. */
  async get(): Promise<Engine> {
    this.#engine ??= this.#start(this.choice);
    const engine = this.#engine;
    const error = await Promise.all([engine.started, this.#gone]).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (this.#engine && engine !== this.#engine) return this.get();
    if (error) throw error.error;
    return engine;
  }

  /** An engine on exactly this backend: what a run began on. */
  async on(name: StartedBackend['name']): Promise<Engine> {
    const engine = await this.get().catch(() => undefined);
    if (engine && this.backend?.name === name) return engine;
    this.restart(name);
    try {
      return await this.get();
    } catch (error) {
      if (this.choice !== name) this.restart(this.choice); // for whatever else is wanted
      throw error;
    }
  }

  /** What the visitor wants from now on. */
  choose(choice: BackendChoice): void {
    this.choice = choice;
    this.restart(choice);
  }

  /** Ends whatever runs. */
  restart(choice: BackendChoice = this.#running): void {
    if (this.#engine) this.#close(this.#engine);
    this.#engine = this.#start(choice);
  }

  #close(engine: Engine, why?: StepSqlError): void {
    this.#gone = Promise.all([this.#gone, engine.close(why)]);
  }

  /** Replaces `engine`, by default the one in use, when it is of no more use after `error`. Whether it was. */
  mend(error: unknown, engine = this.#engine): boolean {
    if (engine !== this.#engine) return true; // before
    const spoilt = error instanceof StepSqlError && SPOILING.includes(error.code);
    if (spoilt) this.restart();
    return spoilt;
  }

  #start(choice: BackendChoice): Engine {
    const engine: Engine = new Engine(choice, (done, all) => {
      if (engine === this.#engine) this.compiling = { done, all };
    });
    this.#running = choice;
    this.backend = null;
    this.compiling = null;
    this.problem = '';
    engine.started.then(
      (backend) => {
        if (engine === this.#engine) this.backend = backend;
      },
      (error: Error) => {
        if (engine === this.#engine) this.problem = error.message;
      },
    );
    // Idle or not, a dead engine is of no use to anyone.
    void engine.died.then((why) => {
      if (engine !== this.#engine) return;
      this.#close(engine, why);
      this.#engine = undefined;
    });
    return engine;
  }
}
