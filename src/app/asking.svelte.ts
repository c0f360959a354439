/** Questions to the policy about the database in the box: the warm start, or the run that is open. */
import { renderSchema } from '../core/text/prompt.ts';
import type { Answer } from './ask/answer.ts';
import type { EngineHolder } from './engine.svelte.ts';
import type { RunView } from './run-view.svelte.ts';

export class Asking {
  questions = $state.raw<{ question: string }[]>([]);
  schemaText = $state('');
  answer = $state.raw<Answer | null>(null);
  busy = $state(false);
  error = $state('');
  readonly #engine: EngineHolder;
  readonly #run: RunView;

  constructor(engine: EngineHolder, run: RunView) {
    this.#engine = engine;
    this.#run = run;
  }

  /** Whom the next question goes to. */
  get policyName(): string {
    const { id, fingerprint } = this.#run;
    return id !== null && fingerprint ? `run ${id}, update ${fingerprint.count}` : 'warm start';
  }

  /** Asks the first question, so that the page begins with an answer. */
  async begin(): Promise<void> {
    try {
      const response = await fetch('./databases/questions.json');
      this.questions = (await response.json()) as { question: string }[];
    } catch {
      this.error = 'The sample questions could not be loaded.';
    }
    const [first] = this.questions;
    if (first) await this.ask(first.question, 1);
    try {
      const schema = await (await this.#engine.get()).schema();
      this.schemaText = renderSchema(schema, { style: 'compact' });
    } catch {
      // `ask` has said what is wrong.
    }
  }

  async ask(question: string, samples: number): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.error = '';
    const { id, fingerprint } = this.#run;
    const policy = this.policyName;
    try {
      const engine = await this.#engine.get();
      const began = performance.now();
      const run = fingerprint ? id : null;
      const candidates = await engine.ask({ question, samples, run });
      const seconds = (performance.now() - began) / 1000;
      this.answer = { question, policy, candidates, seconds };
    } catch (error) {
      this.error = (error as Error).message;
    } finally {
      this.busy = false;
    }
  }
}
