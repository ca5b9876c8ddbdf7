/** Lets one loop sleep until something has changed. */
export class Wake {
  #waiting: (() => void)[] = [];

  now(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const wake of woken) wake();
  }

  once(wake: () => void): void {
    this.#waiting.push(wake);
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.once(resolve));
  }

  /** So long, whatever changes meanwhile. */
  within(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}
