/** How good a process reward model is on labelled traces, and its calibration on others. */
import {
  calibrated,
  calibrationError,
  fitPlatt,
  logLoss,
  reliability,
  rocAuc,
  rocAucWithin,
  UNCALIBRATED,
  type Forecast,
  type Platt,
  type ReliabilityBin,
} from '../../evaluate/calibration.ts';
import type { Policy } from '../../model/policy.ts';
import type { JudgeTokens } from './format.ts';
import type { LabelledGroup } from './learn.ts';
import { scoreTagged } from './scorer.ts';

/** Inclusive: a model that misses them is not worth going on with (issue: "go on only with"). */
export const PRM_LIMITS = {
  auc: 0.75,
  calibration_error: 0.1,
  positive_share: [0.3, 0.7],
} as const;

export interface PrmScores {
  /** Step tags judged. */
  steps: number;
  /** Over all step tags, labels soft (`rocAuc`). */
  auc: number;
  /** The same with labels cut at one half. */
  auc_majority: number;
  /** Among the traces of the same question, all tags and last ones. */
  auc_within: number;
  auc_final_within: number;
  /** Last tags (own outcome), and those before (Monte-Carlo values). */
  auc_final: number;
  auc_prefix: number;
  /** Ten bins of equal mass, of equal width, and of equal mass before calibration. */
  calibration_error: number;
  calibration_error_width: number;
  calibration_error_raw: number;
  /** In nats, beside that of the mean label. */
  log_loss: number;
  log_loss_constant: number;
  reliability: ReliabilityBin[];
}

/** σ and label of every tag, by group and text. */
async function forecastsOf(
  policy: Policy,
  tokens: JudgeTokens,
  groups: readonly LabelledGroup[],
): Promise<{ logOdds: number; label: number }[][][]> {
  const logOdds = await scoreTagged(policy, tokens, groups);
  return groups.map(({ texts }, g) =>
    texts.map(({ labels }, t) =>
      labels.flatMap((label, s) =>
        label === null ? [] : [{ label, logOdds: logOdds[g]![t]![s]! }],
      ),
    ),
  );
}

/** Platt scaling, on questions that neither trained the model nor judge it. */
export async function calibrate(
  policy: Policy,
  tokens: JudgeTokens,
  groups: readonly LabelledGroup[],
): Promise<Platt> {
  const found = (await forecastsOf(policy, tokens, groups)).flat(2);
  return fitPlatt(
    found.map(({ logOdds }) => logOdds),
    found.map(({ label }) => label),
  );
}

export async function measurePrm(
  policy: Policy,
  tokens: JudgeTokens,
  groups: readonly LabelledGroup[],
  calibration: Platt,
): Promise<PrmScores> {
  const found = await forecastsOf(policy, tokens, groups);
  const judged = (platt: Platt): Forecast[][][] =>
    found.map((texts) =>
      texts.map((tags) =>
        tags.map(({ logOdds, label }) => ({ label, score: calibrated(platt, logOdds) })),
      ),
    );
  const texts = judged(calibration);
  const all = texts.flat(2);
  const finals = texts.map((group) => group.flatMap((tags) => tags.slice(-1)));
  const prefixes = texts.flatMap((group) => group.flatMap((tags) => tags.slice(0, -1)));
  const mean = all.reduce((sum, { label }) => sum + label, 0) / all.length;
  return {
    steps: all.length,
    auc: rocAuc(all),
    auc_majority: rocAuc(all.map((f) => ({ ...f, label: Number(f.label >= 0.5) }))),
    auc_within: rocAucWithin(texts.map((group) => group.flat())),
    auc_final_within: rocAucWithin(finals),
    auc_final: rocAuc(finals.flat()),
    auc_prefix: rocAuc(prefixes),
    calibration_error: calibrationError(all, 'mass'),
    calibration_error_width: calibrationError(all, 'width'),
    calibration_error_raw: calibrationError(judged(UNCALIBRATED).flat(2), 'mass'),
    log_loss: logLoss(all),
    log_loss_constant: logLoss(all.map(({ label }) => ({ label, score: mean }))),
    reliability: reliability(all, 'mass'),
  };
}

/** The limits that scores miss, in words; none means accepted. */
export function missedPrmLimits(
  { auc, calibration_error }: PrmScores,
  trained: { mean_label: number },
): string[] {
  const missed: string[] = [];
  const [low, high] = PRM_LIMITS.positive_share;
  const { mean_label } = trained;
  // Written so that NaN misses.
  if (!(auc >= PRM_LIMITS.auc)) missed.push(`AUC ${auc.toFixed(3)}, wanted ${PRM_LIMITS.auc}`);
  if (!(calibration_error <= PRM_LIMITS.calibration_error)) {
    missed.push(
      `calibration error ${calibration_error.toFixed(3)}, wanted at most ${PRM_LIMITS.calibration_error}`,
    );
  }
  if (!(mean_label >= low && mean_label <= high)) {
    missed.push(`share of positives ${mean_label.toFixed(3)}, wanted ${low} to ${high}`);
  }
  return missed;
}
