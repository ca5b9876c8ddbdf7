/** The shell around `core.ts`: one WebSocket, the page's clock, the channel's key. Framework-free; a view subscribes. */
import type { Session } from './core.ts';
import { type Effect, type Input, type Metering, newSession, step, withSigned } from './core.ts';
import { readMessage, type SignedPayment, writePayment, writeStart } from './messages.ts';

export interface SessionHost {
  readonly url: string;
  readonly contentId: string;
  readonly channelId: string;
  readonly msatPerSecond: bigint;
  readonly maxPaidSat: bigint;
  /** `checked` for a stored video; a live stream is metered by the clock. */
  readonly metering?: Metering;
  /** The highest payment signed so far, as stored: another tab may have gone on with the channel. */
  signed(): SignedPayment | null;
  /** Signature over the session's nonce (5.1). */
  signStart(nonce: string): string;
  signPayment(sequence: number, paidSat: bigint): SignedPayment;
  /** Must have stored the payment durably when it returns: it is sent right after. */
  persist(payment: SignedPayment): void;
  /** A count that rises while the viewer sees a picture (or hears sound, where there is no picture); null when it is not known. */
  progress(): Promise<number | null>;
  /** A new media token: the player (re)connects with it. */
  onMedia(token: string): void;
}

export class SessionClient {
  readonly #host: SessionHost;
  readonly #listeners = new Set<() => void>();
  #session: Session;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #closed = false;

  constructor(host: SessionHost) {
    this.#host = host;
    const { msatPerSecond, maxPaidSat, metering = 'clock' } = host;
    this.#session = newSession({ msatPerSecond, maxPaidSat, metering, signed: host.signed() });
  }

  /** The present state; replaced, never changed in place. */
  readonly snapshot = (): Session => this.#session;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  connect(): void {
    if (this.#closed || this.#socket !== null) return;
    const socket = new WebSocket(this.#host.url);
    this.#socket = socket;
    const current = (): boolean => this.#socket === socket;
    const lost = (): void => {
      if (!current()) return;
      this.#socket = null;
      this.#apply({ type: 'connection_lost' });
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (!current()) return;
      try {
        const message = readMessage(String(event.data));
        if (message !== null) this.#apply({ type: 'message', message });
        if (message?.type === 'due') void this.#look();
      } catch (error) {
        console.warn('the session was dropped:', error);
        socket.close();
        lost();
      }
    };
    socket.onclose = lost;
    // A socket that never opens, or a provider that never greets, is given up and tried again.
    this.#after(10_000, () => {
      if (current() && this.#session.phase === 'connecting') {
        socket.close();
        lost();
      }
    });
  }

  pause(): void {
    this.#apply({ type: 'pause' });
  }

  resume(): void {
    this.#apply({ type: 'resume' });
  }

  leave(): void {
    this.#apply({ type: 'leave' });
  }

  /** What the present run's responses have brought: milliseconds of media in checked leaves, and bytes, checked or not. */
  checked(token: string, ms: number, bytes: number): void {
    this.#apply({ type: 'checked', token, ms, bytes });
  }

  /** A block failed its check: nothing is signed from here on. */
  damaged(cid: string | null, detail: string): void {
    this.#apply({ type: 'damaged', cid, detail });
  }

  setCapacity(maxPaidSat: bigint): void {
    if (maxPaidSat !== this.#session.maxPaidSat) this.#apply({ type: 'capacity', maxPaidSat });
  }

  /** Lets go of the socket without leaving: the provider holds the session for a while. */
  dispose(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
    this.#listeners.clear();
  }

  /** With each due and not by a timer: timers sleep in hidden tabs. */
  async #look(): Promise<void> {
    const frames = await this.#host.progress().catch(() => null);
    if (frames !== null && !this.#closed) this.#apply({ type: 'frames', frames });
  }

  #apply(input: Input): void {
    // Times may step back with the wall clock; this one does not.
    const [session, effects] = step(this.#session, input, performance.now());
    this.#session = session;
    for (const effect of effects) this.#run(effect);
    for (const listener of this.#listeners) listener();
  }

  #run(effect: Effect): void {
    const { contentId, channelId } = this.#host;
    switch (effect.type) {
      case 'start': {
        const stored = this.#host.signed();
        if (stored !== null) this.#session = withSigned(this.#session, stored);
        this.#send(writeStart(contentId, channelId, this.#host.signStart(effect.nonce)));
        return;
      }
      case 'sign': {
        const payment = this.#host.signPayment(effect.sequence, effect.paidSat);
        this.#host.persist(payment);
        this.#session = withSigned(this.#session, payment);
        this.#send(writePayment(channelId, payment));
        return;
      }
      case 'resend':
        this.#send(writePayment(channelId, effect.payment));
        return;
      case 'media':
        this.#host.onMedia(effect.token);
        return;
      case 'leave':
        this.#send(JSON.stringify({ type: 'leave' }));
        return;
      case 'reconnect':
        this.#after(effect.afterMs, () => this.connect());
        return;
      case 'disconnect': {
        const socket = this.#socket;
        this.#socket = null;
        socket?.close();
        return;
      }
    }
  }

  #after(milliseconds: number, act: () => void): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(act, milliseconds);
  }

  #send(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }
}
