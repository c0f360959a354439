/** Questions to the policy about the database in the box: the warm start, or the run that is open. */
import type { AskRequest } from '../../workers/protocol.ts';
import type { Candidate } from '../core/evaluate/ballot.ts';
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
      const run = fingerprint ? id : null;
      const answer = await this.#candidates({ question, samples, run });
      this.answer = { question, policy, ...answer };
    } catch (error) {
      this.error = (error as Error).message;
    } finally {
      this.busy = false;
    }
  }

  /** Asks once more when the engine was lost, or replaced by another that the visitor chose. */
  async #candidates(request: AskRequest): Promise<{ candidates: Candidate[]; seconds: number }> {
    for (let again = true; ; again = false) {
      const engine = await this.#engine.get();
      const began = performance.now();
      try {
        const candidates = await engine.ask(request);
        return { candidates, seconds: (performance.now() - began) / 1000 };
      } catch (error) {
        if (!this.#engine.mend(error, engine) || !again) throw error;
      }
    }
  }
}
