/** What the controls of a run say and allow, as text and flags. */
import { count, duration, roughly } from '../ui/format.ts';

/** `loading`: the page is not ready. `preparing`: Train was pressed, no update is under way yet. */
export type Phase =
  'loading' | 'idle' | 'preparing' | 'training' | 'stopping' | 'paused' | 'finished' | 'failed';

/** What a worker is busy with, in `PolicyEvent`'s names. */
export interface Stage {
  name: string;
  done?: number;
  total?: number;
}

export interface Progress {
  phase: Phase;
  done: number;
  updates: number;
  secondsLeft: number | null;
}

const STAGES: Record<string, string> = {
  policy: 'Loading the policy',
  data: 'Making questions',
  evaluation: 'Evaluating',
};

/** "Making questions 1 200 of 4 000" */
export function stageText({ name, done, total }: Stage): string {
  const what = STAGES[name] ?? name;
  return done !== undefined && total ? `${what} ${count(done)} of ${count(total)}` : what;
}

/** "Update 37 of 200 · 0.4 s each · about 1 min left" */
export function progressText({ phase, done, updates, secondsLeft }: Progress): string {
  const where = `update ${count(done)} of ${count(updates)}`;
  const left = updates - done;
  switch (phase) {
    case 'loading':
      return 'Loading';
    case 'idle':
      return done > 0 ? `At ${where}` : `Ready: ${count(updates)} updates`;
    case 'preparing':
      return done > 0 ? `Going on from ${where}` : 'Preparing';
    case 'stopping':
      return `Pausing after this update · ${where}`;
    case 'paused':
      return `Paused at ${where}${timing(secondsLeft, left, 'to go')}`;
    case 'finished':
      return `Finished: ${count(done)} updates`;
    case 'failed':
      return done > 0 ? `Stopped by an error · last saved ${where}` : 'Stopped by an error';
    case 'training':
      return `Update ${count(done)} of ${count(updates)}${timing(secondsLeft, left, 'left')}`;
  }
}

function timing(seconds: number | null, updates: number, word: string): string {
  if (seconds === null || updates <= 0 || !Number.isFinite(seconds)) return '';
  return ` · ${duration(seconds / updates)} each · ${roughly(seconds)} ${word}`;
}

export interface Buttons {
  main: { label: string; does: 'train' | 'pause'; enabled: boolean };
  step: boolean;
  reset: boolean;
}

export function buttonsFor({ phase, done }: Pick<Progress, 'phase' | 'done'>): Buttons {
  const train = done > 0 ? 'Resume' : 'Train';
  switch (phase) {
    case 'preparing':
    case 'training':
      return { main: { label: 'Pause', does: 'pause', enabled: true }, step: false, reset: false };
    case 'stopping':
      return {
        main: { label: 'Pausing', does: 'pause', enabled: false },
        step: false,
        reset: false,
      };
    case 'loading':
      return { main: { label: train, does: 'train', enabled: false }, step: false, reset: false };
    case 'finished':
      return { main: { label: 'Train', does: 'train', enabled: false }, step: false, reset: true };
    case 'idle':
    case 'paused':
    case 'failed':
      return {
        main: { label: train, does: 'train', enabled: true },
        step: true,
        reset: phase !== 'idle' || done > 0,
      };
  }
}

/** What was last said to screen readers. */
export interface Announced {
  phase: Phase;
  tenth: number;
}

/** Says changes of phase and every tenth of the run, never every update. */
export function announce(
  before: Announced | null,
  progress: Progress,
): { now: Announced; text: string | null } {
  const { phase, done, updates } = progress;
  const tenth = updates > 0 ? Math.floor((10 * done) / updates) : 0;
  const now = { phase, tenth };
  if (!before || (phase === before.phase && (phase !== 'training' || tenth <= before.tenth))) {
    return { now, text: null };
  }
  if (phase !== before.phase) {
    return { now, text: phase === 'training' ? 'Training' : progressText(progress) };
  }
  const left = progress.secondsLeft === null ? '' : `, ${roughly(progress.secondsLeft)} left`;
  return { now, text: `${tenth * 10} percent: update ${done} of ${updates}${left}` };
}
