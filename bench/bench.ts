/**
 * `npm run bench`: this project's speed as one table of ratios, each against a rival measured in turns in
 * the same run on the same input; `--help` lists what there is. Nothing fails because of a time.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { StepSqlError } from '../src/core/errors.ts';
import { startNodeBackend } from '../src/node/backend.ts';
import { HELP, parseOptions, type BenchOptions } from './options.ts';
import { openPeers } from './peers/peers.ts';
import { benchSqlPool } from './sql-pool.ts';
import { benchScoring } from './scoring.ts';
import { sqlMarkdown, sqlText } from './sql-rows.ts';
import { asMarkdown, asText } from './table/format.ts';
import type { Progress } from './table/schedule.ts';
import { measureTable } from './table/table.ts';
import { benchUpdate, type UpdateBench } from './update.ts';
import { workersPeer } from './workers.ts';

function tell({ what, share, secondsLeft }: Progress): void {
  const left = secondsLeft === null ? '' : `, about ${Math.ceil(secondsLeft)} s left`;
  const line = `${(100 * share).toFixed(0).padStart(3)} %  ${what}${left}`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
  else if (line !== told) process.stderr.write(`${line}\n`);
  told = line;
}
let told = '';

/** In words. */
function updateNote({ one, several, plain, same }: UpdateBench, workers: number): string {
  const ms = (seconds: number): string => `${(1000 * seconds).toFixed(0)} ms`;
  const shared =
    several === null
      ? ''
      : `; on ${workers} threads ${ms(several)} (${(one / several).toFixed(2)}×, ${same ? 'the same bits' : 'OTHER BITS'})`;
  return `Update of \`execution\` (16 prompts × 8 samples, SQL, rewards, step): ${ms(one)} on one thread${shared}; plain tfjs ${ms(plain)} (${(plain / one).toFixed(1)}×).`;
}

async function bench(options: BenchOptions): Promise<void> {
  const load = loadavg()[0]!;
  const { reason } = await startNodeBackend(options.backend);
  const { peers, notes, close } = await openPeers(options);
  if (options.workers > 0) {
    peers.unshift(workersPeer(options.workers));
    notes.unshift(
      `ours (${options.workers}) is ours on so many threads, each with prompts of its own: there is one prompt to share from d = 256 on.`,
    );
  }
  const table = await measureTable({
    ...{ shapes: options.shapes, peers, onProgress: tell },
    limits: { repeats: options.repeats },
  }).finally(close);
  table.notes.push(...notes);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const update = options.backend === 'wasm' ? await benchUpdate(options.workers) : undefined;
  const sql = [
    await benchSqlPool(),
    ...(await benchScoring(options.peers ? options.python : undefined)),
  ];
  const machine = {
    node: process.version,
    processor: cpus()[0]!.model.trim(),
    cores: availableParallelism(),
    load,
  };
  if (options.json) {
    console.log(JSON.stringify({ ...machine, ...table, update, sql }));
    return;
  }
  const about = `Node ${machine.node}, ${machine.cores} cores (${machine.processor}, load ${load.toFixed(1)} at the start), ${options.backend}: ${reason}`;
  if (update) table.notes.push(updateNote(update, options.workers));
  console.log(`${about}\n\n${asText(table)}\n\n${sqlText(sql)}`);
  if (options.write !== undefined) {
    const command = ['npm run bench --', ...process.argv.slice(2)].join(' ');
    const day = new Date().toISOString().slice(0, 10);
    await writeFile(
      options.write,
      `\`${command}\`, ${day}. ${about}.\n\n${asMarkdown(table)}\n${sqlMarkdown(sql)}\n`,
    );
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options) await bench(options);
  else console.log(HELP);
} catch (error) {
  if (!(error instanceof StepSqlError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
