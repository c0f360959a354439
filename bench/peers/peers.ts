/** The peers that take part on this machine, and why the others do not. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { savePolicy } from '../../src/core/model/checkpoint.ts';
import { pack } from '../../src/core/model/pack.ts';
import type { Policy } from '../../src/core/model/policy.ts';
import type { BenchOptions } from '../options.ts';
import { rate } from '../table/format.ts';
import type { Peer, PeerSession } from '../table/peer.ts';
import { NEW_TOKENS, SAMPLES, type BenchShape, type Workload } from '../table/shapes.ts';
import type { Computed } from '../table/training.ts';
import { PeerProcess } from './process.ts';

export interface OpenedPeers {
  peers: Peer[];
  /** Lines below the table. */
  notes: string[];
  close(): Promise<void>;
}

const THREADS = [2, 1];

/** How to get the packages that peers need. */
const JAX_JS = 'npm install --no-save @jax-js/jax@0.1.25';

/** Peers that were not asked for or do not start leave a note. */
export async function openPeers({ peers: asked, python }: BenchOptions): Promise<OpenedPeers> {
  const opened: OpenedPeers = { peers: [], notes: [], close: async () => undefined };
  if (!asked) {
    opened.notes.push('PyTorch, transformers and jax-js take part with --peers.');
    return opened;
  }
  const folder = await mkdtemp(join(tmpdir(), 'stepsql-peers-'));
  const running: PeerProcess[] = [];
  opened.close = async () => {
    for (const peer of running) peer.close();
    await rm(folder, { recursive: true, force: true });
  };
  const pip = `${python} -m pip install -r bench/peers/requirements.txt`;
  const kinds = [
    { label: 'PyTorch', program: python, script: 'torch_step.py', get: pip, make: torchPeers },
    { label: 'transformers', program: python, script: 'generate.py', get: pip, make: samplers },
    {
      label: 'jax-js',
      program: process.execPath,
      script: 'jax_step.js',
      get: JAX_JS,
      make: jaxPeers,
    },
  ];
  for (const { label, program, script, get, make } of kinds) {
    try {
      const started = await PeerProcess.start(program, script);
      running.push(started);
      opened.peers.push(...make(started, folder));
    } catch (error) {
      opened.notes.push(`${label}: not installed: ${get} (${(error as Error).message})`);
    }
  }
  opened.notes.push(
    'PyTorch is eager, and of its two layouts the faster is measured; generate is of transformers; both with their threads in brackets. jax-js runs the step alone, on wasm and one thread: in Node it has no others.',
  );
  return opened;
}

/** Asks for what `load` answers once for each policy, after writing its weights to `folder`. */
function once<T>(
  folder: string,
  load: (work: Workload) => Promise<unknown>,
): (policy: Policy, work: Workload) => Promise<T> {
  let loaded: { policy: Policy; answer: Promise<T> } | undefined;
  const write = async (policy: Policy): Promise<void> => {
    for (const [name, bytes] of Object.entries(await savePolicy(policy))) {
      await writeFile(join(folder, name), bytes);
    }
  };
  return (policy, work) => {
    if (loaded?.policy !== policy) {
      loaded = { policy, answer: write(policy).then(() => load(work)) as Promise<T> };
    }
    return loaded.answer;
  };
}

const samplesOf = ({ items }: Workload) =>
  items.map(({ prompt, completions }) => ({
    prompt: [...prompt],
    completions: completions.map((tokens) => [...tokens]),
  }));

/** All that an optimiser step is made of. */
function stepOf(work: Workload) {
  const { batch, length, ...packed } = pack(work.items);
  const arrays = Object.entries(packed).map(([name, values]) => [name, [...values]]);
  return {
    items: samplesOf(work),
    packed: { batch, length, ...Object.fromEntries(arrays) },
    advantages: [...work.advantages],
  };
}

interface TorchLoaded {
  results: Record<string, Computed>;
  /** Of a step, by number of threads and layout. */
  seconds: Record<string, Record<string, number>>;
}

/** One process, asked for as many columns as there are numbers of threads. */
function torchPeers(torch: PeerProcess, folder: string): Peer[] {
  const load = once<TorchLoaded>(folder, (work) =>
    torch.ask('load', { folder, threads: THREADS, ...stepOf(work) }),
  );
  return THREADS.map((threads) => ({
    id: `torch-${threads}`,
    label: `PyTorch (${threads})`,
    async open(policy: Policy, _shape: BenchShape, work: Workload): Promise<PeerSession> {
      const { results, seconds } = await load(policy, work);
      const layouts = Object.entries(seconds[threads]!).sort(([, a], [, b]) => a - b);
      const layout = layouts[0]![0];
      return {
        train: () => torch.seconds({ threads, layout }),
        computed: results[layout]!,
        note: layouts.map(([name, s]) => `${name} ${rate(work.tokens / s)} tokens/s`).join(', '),
        close: () => undefined,
      };
    },
  }));
}

/** transformers' `generate`, likewise. */
function samplers(transformers: PeerProcess, folder: string): Peer[] {
  const load = once<Partial<Computed>>(folder, (work) => {
    const prompts = work.items.map(({ prompt }) => [...prompt]);
    return transformers.ask('load', { folder, prompts, samples: SAMPLES, items: samplesOf(work) });
  });
  return THREADS.map((threads) => ({
    id: `transformers-${threads}`,
    label: `generate (${threads})`,
    async open(policy: Policy, _shape: BenchShape, work: Workload): Promise<PeerSession> {
      return {
        computed: await load(policy, work),
        prefill: () => transformers.seconds({ threads, tokens: 1 }),
        sample: () => transformers.seconds({ threads, tokens: NEW_TOKENS }),
        close: () => undefined,
      };
    },
  }));
}

function jaxPeers(jax: PeerProcess, folder: string): Peer[] {
  const load = once<Computed>(folder, (work) => jax.ask('load', { folder, ...stepOf(work) }));
  return [
    {
      id: 'jax-js',
      label: 'jax-js (1)',
      async open(policy, _shape, work) {
        const computed = await load(policy, work);
        return { train: () => jax.seconds({}), computed, close: () => undefined };
      },
    },
  ];
}
