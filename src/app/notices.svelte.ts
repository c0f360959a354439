/** What the page has to say: newest first, until dismissed. */

export interface Notice {
  id: number;
  kind: 'info' | 'good' | 'warn' | 'bad';
  text: string;
}

const MOST = 5;

export class Notices {
  list = $state.raw<Notice[]>([]);
  #said: string[] = [];
  #next = 1;

  add(kind: Notice['kind'], text: string): void {
    const others = this.list.filter((notice) => notice.text !== text);
    this.list = [{ id: this.#next++, kind, text }, ...others].slice(0, MOST);
  }

  /** Once a visit, however often it happens. */
  once(topic: string, kind: Notice['kind'], text: string): void {
    if (this.#said.includes(topic)) return;
    this.#said.push(topic);
    this.add(kind, text);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }
}
