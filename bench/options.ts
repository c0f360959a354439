/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import { badInput } from '../src/core/errors.ts';
import { SHAPES, shapesOf, type BenchShape } from './table/shapes.ts';

export interface BenchOptions {
  backend: 'wasm' | 'webgpu' | 'tensorflow';
  shapes: BenchShape[];
  /** On how many threads ours is measured besides; 0 for none. */
  workers: number;
  /** Whether the Python and JavaScript peers take part. */
  peers: boolean;
  /** Who runs the Python peers. */
  python: string;
  repeats: number;
  json: boolean;
  /** A file for the table in Markdown; undefined writes none. */
  write: string | undefined;
}

const BACKENDS = ['wasm', 'webgpu', 'tensorflow'] as const;

export const HELP = `npm run bench -- [options]

  --sizes 64,128     hidden sizes to measure, of ${SHAPES.map(({ size }) => size).join(', ')} (default: all)
  --backend wasm     ${BACKENDS.join(', ')}
  --workers 2        also ours on so many threads (wasm)
  --peers            also PyTorch, transformers and jax-js (bench/peers/README.md)
  --python python3   who runs the Python peers
  --repeats 5        most times that each run is measured
  --json             one object for machines
  --write FILE       also the table in Markdown`;

function whole(field: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least) {
    throw badInput(field, text, `a whole number, at least ${least}`);
  }
  return value;
}

/**
 * Undefined when help was asked for.
 * @throws StepSqlError naming the option
 */
export function parseOptions(args: string[]): BenchOptions | undefined {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        sizes: { type: 'string' },
        backend: { type: 'string', default: 'wasm' },
        workers: { type: 'string', default: '0' },
        peers: { type: 'boolean', default: false },
        python: { type: 'string', default: 'python3' },
        repeats: { type: 'string', default: '5' },
        json: { type: 'boolean', default: false },
        write: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw badInput('bench', args.join(' '), `its options: ${(error as Error).message}`);
  }
  if (values.help) return undefined;
  const backend = BACKENDS.find((name) => name === values.backend);
  if (!backend) throw badInput('--backend', values.backend, `one of ${BACKENDS.join(', ')}`);
  const sizes = values.sizes?.split(',').map((text) => whole('--sizes', text.trim(), 1));
  const workers = whole('--workers', values.workers, 0);
  if (workers > 0 && backend !== 'wasm') {
    throw badInput(
      '--workers',
      workers,
      `0 on ${backend}: only wasm computes on one core a worker`,
    );
  }
  return {
    backend,
    shapes: shapesOf(sizes ?? SHAPES.map(({ size }) => size), '--sizes'),
    workers,
    peers: values.peers,
    python: values.python,
    repeats: whole('--repeats', values.repeats, 1),
    json: values.json,
    write: values.write,
  };
}
