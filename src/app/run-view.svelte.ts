/** What the page knows of the run it shows. Fed by events of the policy worker, ten times a second. */
import type { PolicyEvent, TrainEnd } from '../../workers/protocol.ts';
import type { Fingerprint } from '../core/recipe/fingerprint.ts';
import type { EpisodeLine, MetricsLine } from '../core/train/run-store.ts';

export type Phase =
  'idle' | 'preparing' | 'training' | 'stopping' | 'paused' | 'finished' | 'failed';

export interface Stage {
  name: 'policy' | 'data' | 'evaluation';
  done?: number;
  total?: number;
}

/** Updates the estimate of the time left is made from. */
const RECENT = 20;

export class RunView {
  phase = $state<Phase>('idle');
  /** Null until the run has begun. */
  id = $state<string | null>(null);
  done = $state(0);
  updates = $state(0);
  stage = $state.raw<Stage | null>(null);
  /** Null while nothing is known. */
  secondsLeft = $state<number | null>(null);
  /** Questions to train on, and those left out, in words. */
  questions = $state('');
  metrics = $state.raw<MetricsLine[]>([]);
  /** Of the newest update. */
  episodes = $state.raw<EpisodeLine[]>([]);
  digests = $state.raw<string[]>([]);
  /** At the last checkpoint. */
  fingerprint = $state.raw<Fingerprint | null>(null);
  #times: number[] = [];

  /** Shows the beginning of a run, or one that was read from the store. */
  show(view: {
    id: string | null;
    done: number;
    updates: number;
    metrics?: MetricsLine[];
    episodes?: EpisodeLine[];
    fingerprint?: Fingerprint | null;
  }): void {
    const { id, done, updates, metrics = [], episodes = [], fingerprint = null } = view;
    this.id = id;
    this.done = done;
    this.updates = updates;
    this.metrics = metrics;
    this.episodes = lastUpdate(episodes);
    this.fingerprint = fingerprint;
    this.digests = fingerprint?.updates ?? [];
    this.stage = null;
    this.questions = '';
  }

  /** @param now milliseconds */
  take(events: readonly PolicyEvent[], now: number): void {
    const metrics: MetricsLine[] = [];
    const digests: string[] = [];
    for (const event of events) {
      switch (event.type) {
        case 'stage': {
          const { stage: name, done, total } = event;
          this.stage = done === undefined || total === undefined ? { name } : { name, done, total };
          break;
        }
        case 'start':
          this.show({ ...event, id: event.run });
          this.digests = event.digests;
          this.questions = inWords(event);
          this.stage =
            event.done === 0 && event.recipe.eval.every > 0 ? { name: 'evaluation' } : null;
          this.phase = this.phase === 'stopping' ? 'stopping' : 'training';
          this.#times = [now];
          break;
        case 'update':
          this.stage = null;
          this.done = event.update;
          this.episodes = event.episodes;
          metrics.push({ step: event.update, ...event.metrics });
          digests.push(event.digest);
          this.#timed(now);
          break;
        case 'evaluation':
          this.stage = null;
          metrics.push({ step: event.update, ...event.metrics });
          if (event.update === 0) this.#times = [now];
          break;
        case 'checkpoint':
          break;
      }
    }
    if (metrics.length > 0) this.metrics = [...this.metrics, ...metrics];
    if (digests.length > 0) this.digests = [...this.digests, ...digests];
  }

  end({ update, finished, fingerprint }: TrainEnd): void {
    this.done = update;
    this.fingerprint = fingerprint;
    this.digests = fingerprint.updates;
    this.stage = null;
    this.secondsLeft = null;
    this.phase = finished ? 'finished' : update > 0 ? 'paused' : 'idle';
  }

  #timed(now: number): void {
    this.#times.push(now);
    if (this.#times.length > RECENT + 1) this.#times.shift();
    const each = (now - this.#times[0]!) / (this.#times.length - 1);
    this.secondsLeft = (each / 1000) * (this.updates - this.done);
  }
}

const lastUpdate = (episodes: readonly EpisodeLine[]): EpisodeLine[] =>
  episodes.filter(({ step }) => step === episodes.at(-1)?.step);

function inWords({
  tasks,
  left_out,
  unanswerable,
}: Extract<PolicyEvent, { type: 'start' }>): string {
  const parts = [`${tasks} training questions`];
  if (left_out > 0) parts.push(`${left_out} left out as too long`);
  if (unanswerable > 0) parts.push(`${unanswerable} left out as their gold returns nothing`);
  return parts.join(', ');
}
