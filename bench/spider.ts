/**
 * `npm run bench:spider -- --data <folder>`: every recipe in the box for some updates on real data. The small
 * policies know the Nursery's words only, so nothing is learnt here: shown is that each recipe's whole loop runs on
 * real schemas and gold SQL of all kinds, what its reward terms are there, and what an update costs. Each recipe has
 * a process of its own, so that memory is its own.
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isPreset, presetNames } from '../src/core/recipe/presets.ts';
import { goldMarkdown, readGold } from './spider/gold.ts';
import { asMarkdown, runPreset, spiderTasks, type SpiderRow } from './spider/run.ts';

const HELP = `Usage: npm run bench:spider -- --data <folder> [options]
  --data <folder>     Spider in its official layout
  --presets <list>    only these (default: all)
  --updates <n>       updates of each (default 50)
  --rows <folder>     keep each recipe's row there, and take those that are there (default results/spider)
  --write <file>      write the table there (default results/spider.md)
`;

interface Options {
  data: string;
  updates: number;
}

/** One preset in a child, whose last line of output is its row. */
function inChild(preset: string, { data, updates }: Options): Promise<SpiderRow> {
  const args = ['--one', preset, '--data', data, '--updates', String(updates)];
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    if (part.startsWith('\r')) process.stderr.write(part);
    else told += part;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const line = text.trim().split('\n').at(-1) ?? '';
      if (code === 0) resolve(JSON.parse(line) as SpiderRow);
      else reject(new Error(`${preset} could not be started: ${told.trim() || `code ${code}`}`));
    });
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      presets: { type: 'string' },
      updates: { type: 'string', default: '50' },
      rows: { type: 'string', default: 'results/spider' },
      write: { type: 'string', default: 'results/spider.md' },
      one: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const updates = Number(values.updates);
  if (values.help || values.data === undefined || !(updates >= 1)) {
    process.stdout.write(HELP);
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  const options = { data: values.data, updates };
  if (values.one !== undefined) {
    process.stdout.write(`${JSON.stringify(await runPreset(values.one, options))}\n`);
    return;
  }
  const presets = values.presets?.split(',') ?? presetNames;
  const unknown = presets.find((name) => !isPreset(name));
  if (unknown !== undefined)
    throw new Error(`--presets: ${unknown} is none of ${presetNames.join(', ')}`);
  const rows: SpiderRow[] = [];
  const notRun: string[] = [];
  for (const preset of presets) {
    process.stderr.write(`${preset}\n`);
    const path = join(values.rows, `${preset}.json`);
    const kept = await readFile(path, 'utf8').catch(() => undefined);
    const row = kept === undefined ? undefined : (JSON.parse(kept) as SpiderRow);
    if (row?.updates === updates || (row && row.failure !== null)) {
      rows.push(row);
      continue;
    }
    const made = await inChild(preset, options).catch((error: unknown) => {
      notRun.push(error instanceof Error ? error.message : preset);
    });
    if (!made) continue;
    await mkdir(values.rows, { recursive: true });
    await writeFile(path, `${JSON.stringify(made, null, 1)}\n`);
    rows.push(made);
  }
  const machine = `Node ${process.version}, ${availableParallelism()} cores (${cpus()[0]!.model.trim()}), one of them used, wasm, load ${loadavg()[2]!.toFixed(1)} over the last quarter of an hour`;
  const gold = await readGold(await spiderTasks(options.data));
  const left = notRun.map((text) => `- ${text}\n`).join('');
  const table = `${asMarkdown(rows, updates)}${left}${goldMarkdown(gold)}`;
  process.stdout.write(table);
  const command = ['npm run bench:spider --', ...process.argv.slice(2)].join(' ');
  const day = new Date().toISOString().slice(0, 10);
  const head = `# Every recipe on Spider\n\n\`${command}\`, ${day}. ${machine}.\n\n`;
  await writeFile(values.write, head + table);
}

try {
  await main();
  process.exit();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
