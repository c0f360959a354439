/** What every learner works with, made once per run. */
import type { Database, Schema, Task } from '../data/task.ts';
import { makeProtocol } from '../episode/index.ts';
import type { Protocol } from '../episode/protocol.ts';
import type { Policy } from '../model/policy.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { RewardService } from '../reward/service.ts';
import type { SqlService } from '../sql/outcome.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { Annotator } from './annotator.ts';
import type { Compute } from './compute.ts';
import type { Optimizer } from './optimizer.ts';

/** The data of a run by split; `train` is what updates draw from. */
export interface RunData {
  splits: ReadonlyMap<string, readonly Task[]>;
  databases: ReadonlyMap<string, Database>;
}

export interface RunContext {
  readonly recipe: Recipe;
  readonly policy: Policy;
  readonly tokenizer: Tokenizer;
  readonly optimizer: Optimizer;
  readonly compute: Compute;
  readonly data: RunData;
  /** Training tasks whose prompt fits. */
  readonly tasks: readonly Task[];
  readonly prompts: Prompts;
  readonly databases: DatabaseHashes;
  readonly sql: SqlService;
  readonly rewards: RewardService;
  /** In the order they write. */
  readonly annotators: readonly Annotator[];
}

/** The protocol of a recipe, and its prompts as tokens, remembered by task. */
export class Prompts {
  readonly #known = new Map<Task, Int32Array>();
  readonly #schemas = new Map<string, Database>();
  readonly #tokenizer: Tokenizer;
  readonly protocol: Protocol;
  readonly #evidence: boolean;

  constructor(
    tokenizer: Tokenizer,
    databases: ReadonlyMap<string, Database>,
    { protocol, turns, prompt }: Pick<Recipe, 'protocol' | 'turns' | 'prompt'>,
  ) {
    this.#tokenizer = tokenizer;
    this.protocol = makeProtocol(protocol, turns);
    this.#evidence = prompt.evidence;
    for (const [id, database] of databases) this.#schemas.set(id, database);
  }

  of(task: Task): Int32Array {
    let tokens = this.#known.get(task);
    if (!tokens) {
      const asked = { ...task };
      if (!this.#evidence) delete asked.evidence;
      const text = this.protocol.prompt(asked, this.schemaOf(task), { style: 'compact' });
      tokens = this.#tokenizer.encode(text);
      this.#known.set(task, tokens);
    }
    return tokens;
  }

  /** Prompts for the same databases under another protocol or other options of it. */
  under(recipe: Pick<Recipe, 'protocol' | 'turns' | 'prompt'>): Prompts {
    return new Prompts(this.#tokenizer, this.#schemas, recipe);
  }

  schemaOf(task: Task): Schema {
    return this.#schemas.get(task.db_id)!.schema;
  }
}

/** Content hashes of databases and their variants, handed to the SQL service when first needed. */
export class DatabaseHashes {
  readonly #sql: SqlService;
  readonly #databases: ReadonlyMap<string, Database>;
  readonly #base = new Map<string, Promise<string>>();
  readonly #variants = new Map<string, Promise<string[]>>();

  constructor(sql: SqlService, databases: ReadonlyMap<string, Database>) {
    this.#sql = sql;
    this.#databases = databases;
  }

  of(db_id: string): Promise<string> {
    let hash = this.#base.get(db_id);
    if (!hash) {
      hash = this.#databases
        .get(db_id)!
        .bytes()
        .then((bytes) => this.#sql.addDatabase(bytes));
      this.#base.set(db_id, hash);
    }
    return hash;
  }

  variants(db_id: string): Promise<string[]> {
    let hashes = this.#variants.get(db_id);
    if (!hashes) {
      hashes = Promise.all(
        this.#databases
          .get(db_id)!
          .variants.map(async (bytes) => this.#sql.addDatabase(await bytes())),
      );
      this.#variants.set(db_id, hashes);
    }
    return hashes;
  }
}
