/** The part of `stepsql eval` in which a process reward model chooses: --best-of, --guided. */
import type { Task } from '../../core/data/task.ts';
import { badInput } from '../../core/errors.ts';
import type { BestOfN } from '../../core/evaluate/best-of-n.ts';
import { wilsonInterval } from '../../core/evaluate/statistics.ts';
import type { EvaluationContext, SampledResult } from '../../core/train/evaluation.ts';
import { evaluateBestOfN, evaluateGuided, type GuidedScores } from '../../core/train/prm/infer.ts';
import { PrmScorer, type PrmModel } from '../../core/train/prm/scorer.ts';
import { textTable } from './table.ts';

export interface Chosen {
  best_of_n?: BestOfN;
  guided?: GuidedScores & { n: number; beam: number };
}

interface Options {
  bestOf: number | undefined;
  guided: number | undefined;
  beam: number;
  seed: number;
  model: PrmModel | undefined;
  max_completion_length: number;
  onStep: (done: number) => void;
}

export async function chooseByModel(
  context: EvaluationContext,
  tasks: readonly Task[],
  sampled: SampledResult | undefined,
  { bestOf, guided, beam, seed, model, max_completion_length, onStep }: Options,
): Promise<Chosen> {
  if (
    model &&
    model.tokenizer.files['tokenizer.json'] !== context.tokenizer.files['tokenizer.json']
  ) {
    throw badInput('--prm', 'another tokenizer', "a model with the policy's tokenizer");
  }
  const scorer = model && new PrmScorer(model);
  const chosen: Chosen = {};
  if (bestOf !== undefined && sampled) {
    chosen.best_of_n = await evaluateBestOfN(context, tasks, sampled.groups, scorer);
  }
  if (guided !== undefined && scorer) {
    const sampling = {
      ...{ max_completion_length, temperature: 1, top_p: 1 },
      eos_token_id: context.tokenizer.eosId!,
    };
    const options = { expansions: guided, beam, seed };
    const scores = await evaluateGuided(context, tasks, scorer, sampling, options, onStep);
    chosen.guided = { ...scores, n: guided, beam };
  }
  return chosen;
}

const points = (share: number): string => (100 * share).toFixed(1);

export function chosenTables({ best_of_n, guided }: Chosen): string[] {
  const tables: string[] = [];
  const row = (name: string, accuracy: number, questions: number): string[] => {
    const { low, high } = wilsonInterval(Math.round(accuracy * questions), questions);
    return [name, points(accuracy), `${points(low)} to ${points(high)}`];
  };
  if (best_of_n) {
    const { n, accuracy, questions, pass_at_1, pass_at_n } = best_of_n;
    const count = questions.random!.length;
    const names: Record<string, string> = { random: 'random executable', majority: 'majority' };
    tables.push(
      textTable([
        [`best of ${n}`, 'EX', '95 %'],
        row('pass@1', pass_at_1, count),
        row(`pass@${n}`, pass_at_n, count),
        ...Object.entries(accuracy).map(([name, value]) =>
          row(names[name] ?? `model, ${name}`, value, count),
        ),
      ]),
    );
  }
  if (guided) {
    const { n, beam, accuracy, questions, expanded, steps, dead_ends } = guided;
    tables.push(
      textTable([
        [`guided search, ${n} tries a step, beam ${beam}`, 'EX', '95 %'],
        row('accuracy', accuracy, questions),
        ['steps tried', expanded.toFixed(1), ''],
        ['steps of the answer', steps.toFixed(2), ''],
        ['dead ends', dead_ends.toFixed(2), ''],
      ]),
    );
  }
  return tables;
}
