/** A provider's side of a session of stored video (docs/protocol.md, 5 and 12.4), as far as a viewer can tell. It signs nothing and checks no signature. */
import type { WebSocketRoute } from '@playwright/test';
import { costOf } from '../../src/money.ts';

const tickMs = 1000;

export class Meter {
  readonly payments: { readonly sequence: number; readonly paidSat: bigint }[] = [];
  readonly heard: string[] = [];
  sessions = 0;
  /** Media of the leaves that were sent in this session. */
  deliveredMs = 0;
  readonly #rate: bigint;
  #baseSat = 0n;
  #socket: WebSocketRoute | null = null;
  #dueAt = 0;
  #dueSat = 0n;

  constructor(rate: bigint) {
    this.#rate = rate;
  }

  get token(): string {
    return `token-${this.sessions}`;
  }

  get paidSat(): bigint {
    return this.payments.at(-1)?.paidSat ?? 0n;
  }

  /** What all that was delivered in this session brings the channel to. */
  get owedInAllSat(): bigint {
    return this.#baseSat + costOf(this.#rate, BigInt(this.deliveredMs));
  }

  attach(socket: WebSocketRoute): void {
    this.#socket = socket;
    socket.onMessage((text) => this.#hear(JSON.parse(String(text)) as { type: string; sequence: number; paid_sat: string }));
    this.#send({ type: 'hello', protocol: 1, nonce: '07'.repeat(32) });
  }

  /** The line breaks; the page comes back with another session. */
  breakOff(): void {
    void this.#socket?.close();
    this.#socket = null;
  }

  /** Waits until a leaf may be sent, and counts it. False: the session is over. */
  async reserve(ms: number, token: string): Promise<boolean> {
    for (;;) {
      if (token !== this.token || this.#socket === null) return false;
      const owed = this.#owedMs();
      if (owed === 0 || owed + ms <= 2 * tickMs) break;
      this.#due();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.deliveredMs += ms;
    this.#due();
    return true;
  }

  #owedMs(): number {
    if (this.owedInAllSat <= this.paidSat) return 0;
    return this.deliveredMs - Number(((this.paidSat - this.#baseSat) * 1_000_000n) / this.#rate);
  }

  /** At most one every 100 ms, and none while another is unanswered for less than a tick. */
  #due(): void {
    const paid = this.owedInAllSat;
    const now = Date.now();
    const unanswered = this.#dueSat > this.paidSat;
    if (paid <= this.paidSat) return;
    if (now - this.#dueAt < (unanswered ? tickMs : 100)) {
      setTimeout(() => this.#due(), 50);
      return;
    }
    [this.#dueAt, this.#dueSat] = [now, paid];
    this.#send({ type: 'due', paid_sat: paid.toString(), covers_ms: this.deliveredMs, deadline_ms: tickMs });
    // And again while it is not paid.
    setTimeout(() => this.#due(), tickMs);
  }

  #hear(message: { type: string; sequence: number; paid_sat: string }): void {
    this.heard.push(message.type);
    if (message.type === 'start') {
      this.sessions += 1;
      [this.deliveredMs, this.#baseSat, this.#dueSat] = [0, this.paidSat, 0n];
      const { sequence } = this.payments.at(-1) ?? { sequence: 0 };
      const common = { session_id: 's', media_token: this.token, tick_ms: tickMs };
      this.#send({ type: 'started', ...common, sequence, paid_sat: this.paidSat.toString(), credit_ms: 0 });
      this.#send({ type: 'gate', open: true, reason: 'paid' });
    }
    if (message.type === 'payment') {
      this.payments.push({ sequence: message.sequence, paidSat: BigInt(message.paid_sat) });
      const sat = { paid_sat: message.paid_sat, remaining_sat: '0' };
      this.#send({ type: 'receipt', channel_id: '', sequence: message.sequence, ...sat, covers_ms: this.deliveredMs });
    }
    if (message.type === 'leave') this.#send({ type: 'end', reason: 'left', closing_txid: 'ab'.repeat(32) });
  }

  #send(message: object): void {
    this.#socket?.send(JSON.stringify(message));
  }
}
