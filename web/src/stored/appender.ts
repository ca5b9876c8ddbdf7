/** A `SourceBuffer`, one operation at a time: appending, removing, and what to do when it is full. */
export class FullError extends Error {
  override readonly name = 'FullError';
}

export class Appender {
  readonly #source: MediaSource;
  readonly #buffer: SourceBuffer;
  #tail: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(source: MediaSource, mimeType: string) {
    this.#source = source;
    this.#buffer = source.addSourceBuffer(mimeType);
    this.#buffer.mode = 'segments';
  }

  /** In milliseconds. */
  get buffered(): readonly { readonly startMs: number; readonly endMs: number }[] {
    if (this.#closed || this.#source.readyState === 'closed') return [];
    const { buffered } = this.#buffer;
    return Array.from({ length: buffered.length }, (_, index) => ({
      startMs: buffered.start(index) * 1000,
      endMs: buffered.end(index) * 1000,
    }));
  }

  /** Shifts the media's own time so that it begins at zero. */
  shift(seconds: number): void {
    this.#buffer.timestampOffset = seconds;
  }

  /** Throws a `FullError` when the browser will not hold more. */
  append(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return this.#tail;
    return this.#queue(() => {
      try {
        this.#buffer.appendBuffer(bytes as Uint8Array<ArrayBuffer>);
      } catch (error) {
        if (error instanceof DOMException && error.name === 'QuotaExceededError')
          throw new FullError('the player’s buffer is full', { cause: error });
        throw error;
      }
    });
  }

  remove(fromMs: number, toMs: number): Promise<void> {
    return this.#queue(() => this.#buffer.remove(fromMs / 1000, toMs / 1000));
  }

  /** Forgets a segment that was begun: the next bytes begin one. */
  restart(): Promise<void> {
    const done = this.#tail.then(() => {
      if (!this.#closed && this.#source.readyState === 'open') this.#buffer.abort();
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  finish(): Promise<void> {
    const done = this.#tail.then(() => {
      if (!this.#closed && this.#source.readyState === 'open') this.#source.endOfStream();
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  close(): void {
    this.#closed = true;
  }

  #queue(act: () => void): Promise<void> {
    const done = this.#tail.then(() => (this.#closed ? undefined : this.#once(act)));
    this.#tail = done.catch(() => undefined);
    return done;
  }

  #once(act: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const buffer = this.#buffer;
      const finish = (outcome: () => void) => (): void => {
        buffer.removeEventListener('updateend', ended);
        buffer.removeEventListener('error', failed);
        outcome();
      };
      const ended = finish(resolve);
      const failed = finish(() => reject(new Error('The browser cannot decode this video.')));
      buffer.addEventListener('updateend', ended);
      buffer.addEventListener('error', failed);
      try {
        act();
      } catch (error) {
        finish(() => reject(error))();
      }
    });
  }
}
