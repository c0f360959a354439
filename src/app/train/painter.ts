/**
 * Draws charts in turn, one a frame: eight at once take longer than a frame on a slow machine, and a page
 * that is busy drawing does not answer. All charts share one request for an animation frame.
 */

/** Draws what is new; false when there was nothing to do, so that the frame is free for the next one. */
export type Paint = () => boolean;

export class Painter {
  readonly #paints = new Set<Paint>();
  /** Waiting, in the order of asking. */
  readonly #waiting = new Set<Paint>();
  #frame = 0;

  /** Draws it whenever all are asked for; returns how to stop. */
  add(paint: Paint): () => void {
    this.#paints.add(paint);
    this.request(paint);
    return () => {
      this.#paints.delete(paint);
      this.#waiting.delete(paint);
    };
  }

  /** Asks for one, or for all. */
  request(one?: Paint): void {
    for (const paint of one ? [one] : this.#paints) this.#waiting.add(paint);
    if (this.#frame === 0 && this.#waiting.size > 0) this.#next();
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#waiting.clear();
  }

  #next(): void {
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      for (const paint of this.#waiting) {
        this.#waiting.delete(paint);
        if (paint()) break;
      }
      if (this.#waiting.size > 0 && this.#frame === 0) this.#next();
    });
  }
}
