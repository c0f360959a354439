/** The pieces of an experiment: each has one result file and is made by one process at a time. */
import { join } from 'node:path';
import { badInput } from '../../core/errors.ts';
import type { Experiment } from './experiment.ts';

export type Piece =
  | { stage: 'warm'; seed: number }
  | { stage: 'prm'; seed: number }
  | { stage: 'trials'; arm: string; seed: number; rate: number }
  /** `rate`: the arm's chosen learning rate; undefined keeps the preset's. */
  | { stage: 'runs'; arm: string; seed: number; rate?: number }
  | { stage: 'heldout'; arm: string; seed: number };

/** Folders of result files. */
export const STAGE_FOLDERS = ['warm', 'prm', 'trials', 'runs', 'heldout'] as const;

/** Name of a piece among those of its stage. */
export function pieceName(piece: Piece): string {
  switch (piece.stage) {
    case 'warm':
    case 'prm':
      return String(piece.seed);
    case 'trials':
      return `${piece.arm}-lr${piece.rate}-${piece.seed}`;
    default:
      return `${piece.arm}-${piece.seed}`;
  }
}

export const resultPath = (out: string, piece: Piece): string =>
  join(out, piece.stage, `${pieceName(piece)}.json`);

/** For people. */
export function describePiece(piece: Piece): string {
  switch (piece.stage) {
    case 'warm':
      return `warm start, seed ${piece.seed}`;
    case 'prm':
      return `process reward model, seed ${piece.seed}`;
    case 'trials':
      return `${piece.arm} at ${piece.rate}, tuning seed ${piece.seed}`;
    case 'runs':
      return `${piece.arm}, seed ${piece.seed}`;
    case 'heldout':
      return `${piece.arm}, seed ${piece.seed}, held out`;
  }
}

export type Report = (done: number, total: number, text: string) => void;

/** What making a piece takes. */
export interface MakeOptions {
  experiment: Experiment;
  /** Folder of the experiment's result files. */
  out: string;
  /** Folder of its run folders. */
  runs: string;
  /** Backend's name for fingerprints. */
  backend: string;
  /** Questions of dev and held-out questions that are measured. */
  questions: number;
  stop: AbortSignal;
  onProgress: Report;
  /** Folder of what warm starts go on from, {seed} standing for theirs; by default they begin with new weights. */
  base?: string;
  /** The built `sql.worker.js`, when it is not beside the running bundle. */
  workerFile?: string;
}

/** Makes what goes into a piece's result file; undefined when stopped, to go on another time. */
export type Make = (piece: Piece, options: MakeOptions) => Promise<object | undefined>;

/** A piece from text, as a child process is told which to make. */
export function parsePiece(text: string): Piece {
  const piece = JSON.parse(text) as Piece;
  if (STAGE_FOLDERS.includes(piece.stage) && Number.isInteger(piece.seed)) return piece;
  throw badInput('--piece', text, 'a piece of an experiment');
}
