/**
 * The small numbers of each launch (shapes, steps, rates) in one uniform buffer. A slot is found again by
 * its content, so that a shape met before costs no upload.
 */

/** WebGPU's default minUniformBufferOffsetAlignment, which tfjs does not raise; 64 numbers. */
export const SLOT_BYTES = 256;
const SLOTS = 4096;

export class Parameters {
  readonly #device: GPUDevice;
  readonly #buffer: GPUBuffer;
  readonly #slotOf = new Map<string, number>();
  readonly #contents: string[] = [];
  /** The batch of commands that used a slot last. */
  readonly #usedBy: object[] = [];
  #next = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#buffer = device.createBuffer({ size: SLOTS * SLOT_BYTES, usage });
  }

  /**
   * Where the words are, for a launch in `batch`: an object that is another one after each submission.
   * A slot of the batch at hand is not written again, since writes happen before the batch runs.
   */
  bind(words: Uint32Array<ArrayBuffer>, batch: object): GPUBufferBinding {
    const content = words.join();
    let slot = this.#slotOf.get(content);
    if (slot === undefined) {
      do this.#next = (this.#next + 1) % SLOTS;
      while (this.#usedBy[this.#next] === batch);
      slot = this.#next;
      this.#slotOf.delete(this.#contents[slot] ?? '');
      this.#slotOf.set(content, slot);
      this.#contents[slot] = content;
      this.#device.queue.writeBuffer(this.#buffer, slot * SLOT_BYTES, words);
    }
    this.#usedBy[slot] = batch;
    return { buffer: this.#buffer, offset: slot * SLOT_BYTES, size: words.byteLength };
  }
}
