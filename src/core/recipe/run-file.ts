/** A run as one .zip with the layout of a run folder: what a tab exports and either side reads. */
import { strToU8, zipSync, type Zippable } from 'fflate';
import { readText } from '../data/source.ts';
import { zipSource, type ZipLimits } from '../data/zip.ts';
import { badInput } from '../errors.ts';
import { readSafetensors } from '../model/safetensors.ts';
import {
  checkCheckpoint,
  decodeLines,
  decodeMetrics,
  encodeLine,
  type Checkpoint,
  type EpisodeLine,
  type RunStore,
} from '../train/run-store.ts';
import { canonicalJson } from './canonical.ts';
import { parseRecipeText } from './parse.ts';
import { reportHtml } from './report.ts';

const LIMITS: ZipLimits = { entries: 1000, fileBytes: 0x4000_0000, totalBytes: 0x7fff_ffff };

/** Stores list files in orders of their own. */
const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

/** The recipe, all lines, the latest checkpoint and a report. Equal runs give equal bytes. */
export async function packRun(store: RunStore): Promise<Uint8Array> {
  const recipe = await store.readRecipe();
  if (!recipe) throw badInput('run', 'no recipe', 'a run that has begun');
  const metrics = await store.readMetrics();
  const episodes = await store.readEpisodes();
  const files: Zippable = {
    'recipe.json': strToU8(canonicalJson(recipe)),
    'metrics.jsonl': strToU8(metrics.map(encodeLine).join('')),
    'episodes.jsonl': strToU8(episodes.map(encodeLine).join('')),
    'report.html': strToU8(reportHtml(recipe, metrics, episodes)),
  };
  const checkpoint = await store.latestCheckpoint();
  if (checkpoint) {
    files['checkpoints/latest'] = strToU8(`${checkpoint.step}\n`);
    for (const [name, bytes] of Object.entries(checkpoint.files).sort(byName)) {
      // Weights hardly shrink: stored as they are.
      const level = name.endsWith('.safetensors') ? 0 : 6;
      files[`checkpoints/${checkpoint.step}/${name}`] = [bytes, { level }];
    }
  }
  // The earliest date a zip can say, in local time as fflate reads it: the same bytes everywhere.
  return zipSync(files, { mtime: new Date(1980, 0, 1) });
}

/** Reads the pointer to a run's latest checkpoint. */
export function parseStep(text: string, field: string): number {
  if (!/^\d{1,15}\n?$/.test(text)) throw badInput(field, text, 'a number of updates');
  return Number(text);
}

/**
 * Fills an empty store from a run file. Everything is read and checked before anything is written.
 * Throws `bad_input` when the file is no run, exceeds a limit or the store holds another run.
 */
export async function unpackRun(
  bytes: Uint8Array,
  store: RunStore,
  limits: Partial<ZipLimits> = {},
): Promise<void> {
  const source = zipSource(bytes, 'run file', { ...LIMITS, ...limits });
  const names = await source.list();
  if (!names.includes('recipe.json')) {
    throw badInput('run file', names.slice(0, 5).join(', '), 'a recipe.json inside');
  }
  const textOf = async (name: string) => (names.includes(name) ? readText(source, name) : '');
  const recipe = parseRecipeText(await textOf('recipe.json'));
  const metrics = decodeMetrics(await textOf('metrics.jsonl'));
  const episodes = decodeLines<EpisodeLine>(await textOf('episodes.jsonl'), 'episodes.jsonl');
  let checkpoint: Checkpoint | undefined;
  if (names.includes('checkpoints/latest')) {
    const step = parseStep(await textOf('checkpoints/latest'), 'checkpoints/latest');
    const folder = `checkpoints/${step}/`;
    const files: Record<string, Uint8Array> = {};
    for (const name of names.filter((each) => each.startsWith(folder))) {
      files[name.slice(folder.length)] = await source.read(name);
    }
    if (Object.keys(files).length === 0) {
      throw badInput('checkpoints/latest', step, `files under ${folder}`);
    }
    checkCheckpoint(step, files);
    for (const [name, each] of Object.entries(files)) {
      if (name.endsWith('.safetensors')) readSafetensors(each, `${folder}${name}`);
    }
    checkpoint = { step, files };
  }
  if (await store.readRecipe()) throw badInput('run', recipe.name, 'an empty place to unpack into');
  await store.writeRecipe(recipe);
  for (const line of metrics) await store.appendMetrics(line);
  await store.appendEpisodes(episodes);
  if (checkpoint) await store.saveCheckpoint(checkpoint.step, checkpoint.files);
}
