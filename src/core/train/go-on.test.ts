import { beforeAll, describe, expect, it } from 'vitest';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import type { SampleRequest } from './compute.ts';
import { goOn, sampleEpisodes, type EpisodeContext } from './episodes.ts';
import { openingAfter } from './prm/format.ts';
import { tokenizer, undecidedPolicy } from './tiny-run.test-helper.ts';
import { tasks, turnsContext } from './turns.test-helper.ts';

const judge = { supervision: ['gold'] as const };
let context: EpisodeContext;

beforeAll(async () => {
  await startNumericBackend();
  context = turnsContext((await undecidedPolicy())(), 3);
});

const request = (changes: Partial<SampleRequest> = {}): SampleRequest => ({
  ...{ num_generations: 2, max_completion_length: 60, temperature: 0, top_p: 1 },
  ...{ eos_token_id: tokenizer.eosId!, draws: null },
  ...changes,
});

describe('episodes that go on from an opening', () => {
  it('are those that began there, when nothing is left to chance', async () => {
    const whole = (await sampleEpisodes(context, tasks, judge, request())).flat();
    expect(whole.map(({ steps }) => steps.length)).toContain(3);
    for (const count of [1, 2]) {
      const long = whole.filter(({ steps }) => steps.length > count);
      const openings = long.map((episode) => openingAfter(episode, count));
      const again = await goOn(context, openings, judge, request({ num_generations: 1 }));
      const timeless = (episode: (typeof whole)[0]) => ({
        ...episode,
        steps: episode.steps.map(({ elapsedMs: _, ...step }) => step),
        ...{ logProbs: undefined, entropies: undefined },
      });
      expect(again.flat().map(timeless)).toEqual(long.map(timeless));
      again.flat().forEach(({ logProbs }, i) => {
        logProbs.forEach((x, t) => expect(x).toBeCloseTo(long[i]!.logProbs[t]!, 3));
      });
    }
  });

  it('stop after so many turns, with what was shown after the last', async () => {
    const whole = (await sampleEpisodes(context, tasks, judge, request())).flat();
    const openings = whole.map((episode) => openingAfter(episode, 0));
    const one = request({ num_generations: 1 });
    const first = (await goOn(context, openings, judge, one, { turns: 1 })).flat();
    first.forEach((episode, i) => {
      const { tokens, mask, steps } = openingAfter(whole[i]!, 1);
      expect([...episode.tokens]).toEqual([...tokens]);
      expect([...episode.mask]).toEqual([...mask]);
      expect(episode.steps.map(({ text }) => text)).toEqual(steps.map(({ text }) => text));
      expect(episode.steps[0]!.observation).toBe(whole[i]!.steps[0]!.observation);
    });
    const second = (await goOn(context, first, judge, one, { turns: 1 })).flat();
    second.forEach(({ tokens }, i) => {
      expect([...tokens]).toEqual([...openingAfter(whole[i]!, 2).tokens]);
    });
  });

  it('do not depend on the openings beside them, though these leave other room', async () => {
    const draws = (prompts: number[]) => ({ seed: 3, purpose: 'test', update: 0, prompts });
    const written = await sampleEpisodes(
      context,
      tasks,
      judge,
      request({ temperature: 1, draws: draws([0, 1, 2]) }),
    );
    const openings = written
      .flat()
      .flatMap((episode) => [
        openingAfter(episode, 0),
        ...(episode.steps.length > 1 ? [openingAfter(episode, 1)] : []),
      ]);
    expect(new Set(openings.map(({ tokens }) => tokens.length)).size).toBeGreaterThan(1);
    const short = { temperature: 1, max_completion_length: 34 };
    const numbers = [...openings.keys()];
    const all = await goOn(context, openings, judge, request({ ...short, draws: draws(numbers) }));
    for (const [i, opening] of openings.entries()) {
      const alone = await goOn(context, [opening], judge, request({ ...short, draws: draws([i]) }));
      // What is unfinished may be cut later than alone; it counts as no answer either way.
      const verdicts = (episodes: typeof all) =>
        episodes
          .flat()
          .map(({ steps }) =>
            steps.filter(({ outcome }) => outcome).map(({ kind, text }) => ({ kind, text })),
          );
      expect(verdicts([all[i]!])).toEqual(verdicts(alone));
    }
  });
});
