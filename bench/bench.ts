/**
 * `npm run bench`: this project's speed as ratios, each against a rival measured in turns in the same
 * run on the same input. `--json` prints one object for machines. Nothing fails because of a time.
 */
import { availableParallelism } from 'node:os';
import { tf, type Tensor2D } from '#tfjs';
import { startBackend } from '../src/core/tensor/backend.ts';
import * as ops from '../src/core/tensor/ops.ts';
import { type BenchResult, interleaved } from './measure.ts';
import { benchSampling } from './sampling.ts';
import { benchSqlPool } from './sql-pool.ts';
import { benchTrainingStep } from './training.ts';

/** What one core does at its best: our product of two matrices that fit its cache, in GFLOP/s. */
async function matmulRate(): Promise<number> {
  const [m, k, n] = [512, 256, 512];
  const a = tf.ones([m, k]) as Tensor2D;
  const b = tf.ones([k, n]) as Tensor2D;
  const products = 20;
  const [seconds] = await interleaved(7, () => {
    for (let i = 0; i < products; i++) ops.matmul(a, b).dispose();
  });
  tf.dispose([a, b]);
  return (products * 2 * m * k * n) / seconds! / 1e9;
}

async function sqlPool(): Promise<BenchResult> {
  const { pool, bare, target, name, ratio, unit } = await benchSqlPool();
  const [what] = name.split(', against');
  return {
    name: what!,
    ratio,
    goal: target,
    unit,
    ours: pool,
    rival: bare,
    against: 'bare sql.js',
  };
}

const rate = (value: number): string =>
  value < 1000 ? value.toFixed(0) : `${(value / 1000).toFixed(1)}k`;

function print(results: BenchResult[], gflops: number): void {
  const header = ['', 'ratio', 'goal', 'ours', 'rival', 'of matmul', 'rival is'];
  const lines = results.map((result) => [
    result.name,
    `${result.ratio.toFixed(2)}×`,
    `≥ ${result.goal}×`,
    `${rate(result.ours)} ${result.unit}`,
    `${rate(result.rival)} ${result.unit}`,
    result.gflops === undefined ? '' : `${((100 * result.gflops) / gflops).toFixed(0)} %`,
    result.against,
  ]);
  const widths = header.map((_, i) => Math.max(...[header, ...lines].map((row) => row[i]!.length)));
  console.log(`Node ${process.version}, ${availableParallelism()} cores, tfjs wasm on one thread`);
  console.log(`matmul: ${gflops.toFixed(1)} GFLOP/s\n`);
  for (const row of [header, ...lines]) {
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    );
  }
}

await startBackend('wasm');
const gflops = await matmulRate();
const results = [await benchTrainingStep(), await benchSampling(), await sqlPool()];
if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ node: process.version, matmul_gflops: gflops, results }));
} else {
  print(results, gflops);
}
