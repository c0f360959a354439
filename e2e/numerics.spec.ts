/**
 * One run, three places: the command line in Node, a page, and a module worker. On wasm every token,
 * reward and weight is the same, bit for bit.
 */
import type { Place } from './harness/main.ts';
import type { TrainResult } from './harness/train.ts';
import { trainInNode, type NodeRun } from './node.ts';
import { expect, test } from './test.ts';

const SMALL = ['data.train_tasks=400', 'eval.tasks=20', 'eval.every=10'];
const grpo = (updates: number, prompts: number, samples: number): string[] => [
  ...SMALL,
  `grpo.num_updates=${updates}`,
  `grpo.prompts_per_update=${prompts}`,
  `grpo.num_generations=${samples}`,
];

const isUpdate = (line: Record<string, number>): boolean => line['grad_norm'] !== undefined;

const runs: { title: string; preset: string; set: string[] }[] = [
  { title: 'execution, 20 updates', preset: 'execution', set: grpo(20, 8, 8) },
  { title: 'grpo, 20 updates', preset: 'grpo', set: grpo(20, 8, 8) },
  {
    title: 'grpo with a KL term, two passes over two mini-batches, cosine schedule',
    preset: 'grpo',
    set: [
      ...grpo(6, 4, 6),
      ...['grpo.beta=0.05', 'grpo.mini_batches=2', 'grpo.num_iterations=2'],
      ...['optimizer.lr_scheduler_type=cosine', 'optimizer.weight_decay=0.01', 'seed=3'],
    ],
  },
];

for (const { title, preset, set } of runs) {
  test.describe(title, () => {
    let run: Promise<NodeRun> | undefined; // one for both tests, none when they are skipped

    for (const place of ['page', 'worker'] as const) {
      test(`a ${place} gives what Node gives, bit for bit`, async ({ page, site }) => {
        run ??= trainInNode(preset, ...set);
        const inNode = await run;
        await page.goto(site.harness);
        const { recipe } = inNode;
        const inTab = await page.evaluate(
          ({ place, recipe, files }: { place: Place; recipe: unknown; files: string }) =>
            window.run(place, 'trainWarm', recipe, 'wasm', files) as Promise<TrainResult>,
          { place, recipe, files: site.files },
        );
        expect(inTab.fingerprint).toEqual(inNode.fingerprint);
        expect(inTab.weights).toBe(inNode.weights);
        expect(inTab.fingerprint.count).toBe(inTab.metrics.filter(isUpdate).length);
        // Equal digests would say little if nothing moved.
        const moved = inTab.metrics.filter((line) => line['grad_norm']! > 0).length;
        expect(moved).toBeGreaterThan(0.8 * inTab.fingerprint.count);
        const weights = inTab.fingerprint.updates.map((digest) => digest.slice(16));
        expect(new Set(weights).size).toBeGreaterThanOrEqual(moved);
        const { before, updates, after } = inTab.memory;
        expect(new Set(updates.map(({ tensors }) => tensors)).size).toBe(1);
        expect(after).toEqual(before);
      });
    }
  });
}
