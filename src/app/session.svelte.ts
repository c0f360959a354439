/**
 * The state of the page and what one can do with it. Everything heavy happens in the engine's workers;
 * a worker or a GPU that is lost is replaced, and the run goes on from its last checkpoint.
 */
import type { Engine } from '../../workers/engine.ts';
import type { RunSummary, StartedBackend, TrainEnd } from '../../workers/protocol.ts';
import { RunDatabase } from '../../workers/run-database.ts';
import { withRunLock } from '../../workers/run-lock.ts';
import { packRunFile, unpackRunFile } from '../../workers/run-files.ts';
import { StepSqlError } from '../core/errors.ts';
import {
  compareFingerprints,
  type Fingerprint,
  type FingerprintComparison,
} from '../core/recipe/fingerprint.ts';
import { closestPreset, decodeLink, type DecodedLink } from '../core/recipe/link.ts';
import { presetRecipe, type PresetName } from '../core/recipe/presets.ts';
import { updatesOf, type Recipe } from '../core/recipe/schema.ts';
import { EngineHolder } from './engine.svelte.ts';
import { Notices } from './notices.svelte.ts';
import { persist, usage } from './platform.ts';
import { counted } from './recipe/cost.ts';
import type { StorageUse } from './runs/run-text.ts';
import { RunView } from './run-view.svelte.ts';

/** Where the page remembers which run was open. */
const OPEN_RUN = 'stepsql.run';
/** Losses without an update in between, after which a run is left as it is. */
const MAX_LOSSES = 3;
const SHOWN_EPISODES = 64;

const LOST = ['device_lost', 'worker_exit', 'deadline'];

const codeOf = (error: unknown): string =>
  error instanceof StepSqlError ? error.code : 'internal';

const isBackend = (name: string | undefined): name is StartedBackend['name'] =>
  name === 'wasm' || name === 'webgpu';

const FIRST: PresetName = 'execution';

export class Session {
  readonly engine = new EngineHolder();
  readonly run = new RunView();
  readonly notices = new Notices();
  preset = $state<PresetName>(FIRST);
  recipe = $state.raw<Recipe>(presetRecipe(FIRST));
  runs = $state.raw<RunSummary[]>([]);
  storage = $state.raw<StorageUse | null>(null);
  /** What a link in the address says, until it is used or dismissed. */
  link = $state.raw<DecodedLink | null>(null);
  linkError = $state('');
  /** Hash of the files a link is on, while they are not in this browser. */
  missingFiles = $state<string | null>(null);
  /** What is known of the files chosen for the recipe. */
  filesNote = $state('');
  /** What the run is compared with. */
  expected = $state.raw<Fingerprint | null>(null);
  comparison = $state.raw<FingerprintComparison | null>(null);
  #database: Promise<RunDatabase> | undefined;

  /** A run is open: its recipe stands as it is. */
  readonly fixed = $derived(this.run.id !== null || this.run.phase !== 'idle');
  readonly busy = $derived(['preparing', 'training', 'stopping'].includes(this.run.phase));

  /** Reads the address and the run that was open; starts nothing. */
  async boot(): Promise<void> {
    this.readAddress();
    await this.listRuns();
    const open = localStorage.getItem(OPEN_RUN);
    if (open !== null && this.runs.some(({ id }) => id === open)) await this.open(open);
  }

  readAddress(): void {
    const { hash } = window.location;
    this.link = this.missingFiles = null;
    this.linkError = '';
    if (hash.length < 2) return;
    try {
      this.link = decodeLink(hash);
    } catch (error) {
      this.linkError = (error as Error).message;
    }
    void this.#guard(() => this.#lookForFiles());
  }

  async #lookForFiles(): Promise<void> {
    const data = this.link?.recipe.data;
    if (data?.kind !== 'files' || data.sha256 === null) return;
    const there = await (await this.#runs()).file(data.sha256);
    this.missingFiles = there ? null : data.sha256;
  }

  leaveLink(): void {
    this.link = null;
    this.linkError = '';
    history.replaceState(null, '', window.location.pathname + window.location.search);
  }

  /** Another recipe than a link may have asked for. */
  choose(recipe: Recipe, preset: PresetName): void {
    this.expected = this.comparison = null;
    this.#set(recipe, preset);
  }

  #set(recipe: Recipe, preset: PresetName): void {
    this.recipe = recipe;
    this.preset = preset;
  }

  /** Trains from where the run is; `updates` stops after so many. */
  async train(updates?: number): Promise<void> {
    if (this.busy) return;
    void persist();
    this.run.phase = 'preparing';
    this.comparison = null;
    for (let losses = 0; ;) {
      const before = this.run.done;
      try {
        this.#ended(await this.#trainOnce(updates));
        return;
      } catch (error) {
        losses = this.run.done > before ? 1 : losses + 1;
        const code = codeOf(error);
        if (!LOST.includes(code) || losses >= MAX_LOSSES || this.#stopping)
          return await this.#failed(error);
        await this.#goBack(error as Error);
      } finally {
        await this.listRuns();
      }
    }
  }

  async #trainOnce(wanted?: number): Promise<TrainEnd> {
    const { id, done } = this.run;
    const engine = await this.#engineFor();
    if (this.#stopping) throw new StepSqlError('stopped', 'stopped before the run began');
    const updates = wanted ?? updatesLeft(this.expected, this.recipe, done);
    const request = { recipe: this.recipe, run: id, ...(updates !== undefined && { updates }) };
    return engine.train(request, (events) => {
      this.run.take(events, performance.now());
      for (const event of events) {
        if (event.type === 'checkpoint') void this.listRuns();
        if (event.type !== 'start') continue;
        this.recipe = event.recipe;
        localStorage.setItem(OPEN_RUN, event.run);
      }
    });
  }

  /** A run goes on where it began; a link is reproduced there if that can be had. */
  async #engineFor(): Promise<Engine> {
    const own = this.run.fingerprint?.backend;
    if (isBackend(own)) {
      return this.engine.on(own).catch((error: Error) => {
        if (codeOf(error) !== 'backend') throw error;
        const why = `this run began on ${own} and goes on there only (${error.message})`;
        throw new StepSqlError('bad_input', why);
      });
    }
    const theirs = this.expected?.backend;
    if (!isBackend(theirs)) return this.engine.get();
    try {
      return await this.engine.on(theirs);
    } catch (error) {
      const text = `The link was made on ${theirs}, which is not to be had here: it may drift.`;
      this.notices.add('warn', `${sentence((error as Error).message)} ${text}`);
      this.engine.restart('auto');
      return this.engine.get();
    }
  }

  #ended(end: TrainEnd): void {
    this.run.end(end);
    if (end.update === 0) return this.#toSettings();
    if (!this.expected) return;
    this.comparison = compareFingerprints(this.expected, end.fingerprint);
  }

  /** After a loss: a new engine, and the run as its last checkpoint has it. */
  async #goBack(error: Error): Promise<void> {
    this.engine.restart();
    const stored = await this.#stored(this.run.id);
    const where = stored?.done ? `its checkpoint at update ${stored.done}` : 'the beginning';
    this.notices.add(
      'warn',
      `${sentence(error.message)} The run went back to ${where} and goes on.`,
    );
    if (stored) await this.#show(stored);
    else this.run.show({ id: null, done: 0, updates: this.run.updates });
    this.run.phase = 'preparing';
  }

  /** Leaves the run at its last checkpoint; one without is back at its settings, to be tried again. */
  async #failed(error: unknown): Promise<void> {
    const stored = await this.#stored(this.run.id).catch(() => undefined);
    const code = codeOf(error);
    const lost = LOST.includes(code);
    if (code !== 'stopped') {
      const stands = stored?.done && (lost || this.run.done > stored.done);
      const where = stands ? ` The run stands at its checkpoint at update ${stored.done}.` : '';
      this.notices.add('bad', sentence((error as Error).message) + where);
    }
    this.engine.mend(error);
    if (stored?.done) return this.#show(stored);
    this.#toSettings();
  }

  /** To be tried again, with the link it reproduces. */
  #toSettings(): void {
    const { expected } = this;
    this.run.phase = 'idle';
    this.reset();
    this.expected = expected;
  }

  /** Finishes the update, saves a checkpoint, then stands still. */
  async pause(): Promise<void> {
    if (!this.busy) return;
    this.run.phase = 'stopping';
    await (await this.engine.get()).stop();
  }

  /** Back to the settings. The run stays in the list. */
  reset(): void {
    if (this.busy) return;
    this.run.show({ id: null, done: 0, updates: 0 });
    this.run.phase = 'idle';
    this.recipe = { ...this.recipe, data: { ...this.recipe.data, ...this.#pin() } };
    this.expected = this.comparison = null;
    localStorage.removeItem(OPEN_RUN);
  }

  /** Generated data is made anew for changed settings; one's own files stay. */
  #pin(): { sha256?: null } {
    return this.recipe.data.kind === 'nursery' ? { sha256: null } : {};
  }

  async open(id: string): Promise<void> {
    if (this.busy) return;
    const stored = await (await this.#runs()).run(id);
    if (!stored) return;
    this.expected = this.comparison = null;
    await this.#show(stored);
    localStorage.setItem(OPEN_RUN, id);
  }

  async #show(stored: RunSummary): Promise<void> {
    const { id, recipe, done, updates, fingerprint } = stored;
    const lines = await (await this.#runs()).lines(id, done, SHOWN_EPISODES);
    this.#set(recipe, closestPreset(recipe).preset);
    this.run.show({ id, done, updates, fingerprint, ...lines });
    this.run.phase = done >= updates ? 'finished' : 'paused';
    if (this.expected && fingerprint && done >= updates) {
      this.comparison = compareFingerprints(this.expected, fingerprint);
    }
  }

  /** Runs what the link says, from the beginning, and compares it update by update. */
  async reproduce(): Promise<void> {
    if (!this.link || this.busy) return;
    const { recipe, preset, fingerprint } = this.link;
    this.reset();
    this.choose(recipe, preset);
    this.expected = fingerprint ?? null;
    this.leaveLink();
    await this.train();
  }

  useLink(): void {
    if (!this.link || this.busy) return;
    const { recipe, preset } = this.link;
    this.reset();
    this.choose(recipe, preset);
    this.leaveLink();
  }

  async remove(id: string): Promise<void> {
    if (this.busy && id === this.run.id) return;
    await this.#guard(async () => {
      await withRunLock(id, async () => (await this.#runs()).delete(id));
      if (id === this.run.id) this.reset();
    });
    await this.listRuns();
  }

  /** The run as a .zip, for the browser to save. */
  async exportRun(id: string): Promise<void> {
    await this.#guard(async () => {
      const bytes = await packRunFile(id);
      const url = URL.createObjectURL(new Blob([bytes as BlobPart], { type: 'application/zip' }));
      const anchor = document.createElement('a');
      anchor.href = url;
      anchor.download = `stepsql-${id}.zip`;
      anchor.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    });
  }

  async importRun(file: File): Promise<void> {
    await this.#guard(async () => {
      const id = await unpackRunFile(new Uint8Array(await file.arrayBuffer()));
      await this.listRuns();
      await this.open(id);
    });
  }

  /** Own data for the recipe: a zip of Spider, BIRD or question–answer files. */
  async chooseFiles(file: File): Promise<void> {
    await this.#guard(async () => {
      const engine = await this.engine.get();
      const found = await engine.importFiles(new Uint8Array(await file.arrayBuffer()));
      const wanted = this.link?.recipe.data;
      if (wanted?.kind === 'files') {
        if (wanted.sha256 === null || wanted.sha256 === found.sha256) {
          this.missingFiles = null;
          return;
        }
        const got = found.sha256.slice(0, 12);
        throw new StepSqlError(
          'bad_input',
          `${file.name}: holds the questions ${got}, the link is on ${wanted.sha256.slice(0, 12)}`,
        );
      }
      const { recipe } = this;
      if (recipe.data.kind === 'files') {
        this.recipe = { ...recipe, data: { ...recipe.data, sha256: found.sha256 } };
      }
      const splits = found.splits.map(([name, tasks]) => `${name}: ${tasks}`).join(', ');
      const databases = counted(found.databases, 'database');
      const what = `${counted(found.tasks, 'question')} about ${databases} (${splits})`;
      this.filesNote = `${file.name}: ${what}`;
    });
  }

  async listRuns(): Promise<void> {
    try {
      this.runs = await (await this.#runs()).runs();
    } catch (error) {
      this.notices.once('storage', 'warn', sentence((error as Error).message));
    }
    const space = await usage();
    const kept = space !== undefined && (await navigator.storage.persisted());
    this.storage = space ? { ...space, kept } : null;
  }

  get #stopping(): boolean {
    return this.run.phase === 'stopping';
  }

  #runs(): Promise<RunDatabase> {
    const database = (this.#database ??= RunDatabase.open());
    database.catch(() => (this.#database = undefined));
    return database;
  }

  async #stored(id: string | null): Promise<RunSummary | undefined> {
    if (id === null) return undefined;
    return (await this.#runs()).run(id);
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.notices.add('bad', sentence((error as Error).message));
    }
  }
}

/** Of a run that reproduces one that stopped early: those up to there. Undefined: all. */
function updatesLeft(
  expected: Fingerprint | null,
  recipe: Recipe,
  done: number,
): number | undefined {
  const count = expected?.count ?? 0;
  return done < count && count < updatesOf(recipe) ? count - done : undefined;
}

/** First letter large, unless it is a setting's or a file's, and a stop at the end. */
function sentence(text: string): string {
  const whole = /^\S+:/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}
