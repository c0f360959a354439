import { describe, expect, it } from 'vitest';
import {
  announce,
  buttonsFor,
  progressText,
  stageText,
  type Announced,
  type Phase,
} from './progress.ts';

const plain = (text: string): string =>
  text.replaceAll('\u00a0', ' ').replaceAll('\u202f', ' ').replaceAll('−', '-');
const at = (phase: Phase, done: number, secondsLeft: number | null = null) => ({
  ...{ phase, done, updates: 200, secondsLeft },
});

describe('texts', () => {
  it('says where the run is, how fast and how long', () => {
    expect(plain(progressText(at('training', 37, 65.2)))).toBe(
      'Update 37 of 200 · 0.4 s each · about 1 min left',
    );
    expect(plain(progressText(at('training', 0)))).toBe('Update 0 of 200');
    expect(plain(progressText(at('paused', 37, 65.2)))).toBe(
      'Paused at update 37 of 200 · 0.4 s each · about 1 min to go',
    );
    expect(plain(progressText(at('finished', 200, 0)))).toBe('Finished: 200 updates');
  });

  it('says what is being prepared', () => {
    expect(plain(stageText({ name: 'data', done: 1200, total: 4000 }))).toBe(
      'Making questions 1 200 of 4 000',
    );
    expect(stageText({ name: 'policy' })).toBe('Loading the policy');
    expect(stageText({ name: 'other' })).toBe('other');
  });
});

describe('buttons', () => {
  it('trains when idle, pauses when training, resumes when paused', () => {
    expect(buttonsFor(at('idle', 0)).main).toMatchObject({ label: 'Train', enabled: true });
    expect(buttonsFor(at('training', 3)).main).toMatchObject({ label: 'Pause', does: 'pause' });
    expect(buttonsFor(at('paused', 3)).main).toMatchObject({ label: 'Resume', does: 'train' });
  });

  it('offers nothing while something is under way that cannot be interrupted', () => {
    for (const phase of ['loading', 'stopping'] as const) {
      const { main, step, reset } = buttonsFor(at(phase, 3));
      expect([main.enabled, step, reset]).toEqual([false, false, false]);
    }
  });

  it('resets only what has begun and is not running', () => {
    const resets = (['idle', 'paused', 'finished', 'failed', 'training'] as const).map(
      (phase) => buttonsFor(at(phase, phase === 'idle' ? 0 : 3)).reset,
    );
    expect(resets).toEqual([false, true, true, true, false]);
  });
});

describe('announcements', () => {
  function spoken(events: [Phase, number][]): string[] {
    let before: Announced | null = null;
    const said: string[] = [];
    for (const [phase, done] of events) {
      const { now, text } = announce(before, at(phase, done));
      if (text !== null) said.push(text);
      before = now;
    }
    return said;
  }

  it('says phases and tenths, not updates', () => {
    const run = Array.from({ length: 201 }, (_, i): [Phase, number] => ['training', i]);
    const said = spoken([['loading', 0], ['idle', 0], ['preparing', 0], ...run, ['finished', 200]]);
    expect(said).toHaveLength(3 + 10 + 1);
    expect(said[3]).toBe('10 percent: update 20 of 200');
    expect(said.at(-1)).toBe('Finished: 200 updates');
  });

  it('does not count up to where a resumed run begins', () => {
    expect(
      spoken([
        ['paused', 110],
        ['training', 110],
        ['training', 111],
      ]),
    ).toEqual(['Training']);
  });

  it('counts again after a reset', () => {
    const said = spoken([
      ['training', 150],
      ['paused', 150],
      ['idle', 0],
      ['training', 0],
    ]);
    expect(said.at(-1)).toBe('Training');
    expect(
      spoken([
        ['training', 150],
        ['idle', 0],
        ['training', 0],
        ['training', 20],
      ]).at(-1),
    ).toBe('10 percent: update 20 of 200');
  });
});
