/** Least-recently-used map bounded by the total weight of its values; the newest entry always stays. */
export class Lru<V> {
  readonly #entries = new Map<string, { value: V; weight: number }>();
  readonly #maxWeight: number;
  readonly #onEvict: (value: V, key: string) => void;
  #weight = 0;

  constructor(maxWeight: number, onEvict: (value: V, key: string) => void = () => {}) {
    this.#maxWeight = maxWeight;
    this.#onEvict = onEvict;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Replaces silently: only eviction and `delete` call `onEvict`. */
  set(key: string, value: V, weight = 1): void {
    this.#remove(key);
    this.#entries.set(key, { value, weight });
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#maxWeight || oldest === key) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#remove(key);
    if (entry) this.#onEvict(entry.value, key);
  }

  #remove(key: string): { value: V; weight: number } | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#weight -= entry.weight;
    return entry;
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.delete(key);
  }
}
