/** A process reward model as files: a policy checkpoint and `prm.json`, which says how to read its scores. */
import * as v from 'valibot';
import { badInput } from '../../errors.ts';
import { savePolicy } from '../../model/checkpoint.ts';
import { parseOptions } from '../../options.ts';
import { policyFromFiles, POLICY_FILES } from '../starting-policy.ts';
import type { PrmModel } from './scorer.ts';

const PRM_FILE = 'prm.json';

/** What a checkpoint needs to be read as a process reward model. */
export const PRM_FILES = [...POLICY_FILES, PRM_FILE] as const;

const settings = v.object({
  version: v.literal(1),
  protocol: v.string(),
  calibration: v.object({
    slope: v.pipe(v.number(), v.finite()),
    offset: v.pipe(v.number(), v.finite()),
  }),
});

export async function savePrm({
  policy,
  tokenizer,
  calibration,
  protocol,
}: PrmModel): Promise<Record<string, Uint8Array>> {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  return {
    ...(await savePolicy(policy)),
    ...Object.fromEntries(
      Object.entries(tokenizer.files).map(([name, content]) => [name, text(content)]),
    ),
    [PRM_FILE]: text(`${JSON.stringify({ version: 1, protocol, calibration }, null, 2)}\n`),
  };
}

/** Throws `bad_input` for files that are no process reward model. */
export function prmFromFiles(files: Record<string, Uint8Array>): PrmModel {
  const bytes = files[PRM_FILE];
  if (!bytes) {
    const expected = `a checkpoint of a process reward model, with ${PRM_FILE} (\`stepsql prm\`)`;
    throw badInput('prm', Object.keys(files).join(', '), expected);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw badInput(PRM_FILE, new TextDecoder().decode(bytes), 'valid JSON');
  }
  const { protocol, calibration } = parseOptions(settings, json, PRM_FILE);
  return { ...policyFromFiles(files), calibration, protocol };
}

/**
 * The folder under `checkpoints/` of a model named `prm` or `prm-<seed>`, undefined for any other name.
 * Whether it is there is for the caller to find out.
 */
export function prmFolder(name: string): string | undefined {
  if (!/^prm(-\d{1,9})?$/.test(name)) return undefined;
  return name === 'prm' ? 'prm-0' : name;
}
