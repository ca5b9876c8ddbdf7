import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { costOf } from '../money.ts';
import { clockLimit, type Effect, farewellSat, type Input, newSession, type Session, step, withSigned } from './core.ts';
import type { ServerMessage, SignedPayment } from './messages.ts';

const rate = 20_000n;
const tickMs = 1000;

/** The shell without a socket: signs what it is told to, and keeps all effects. */
class Viewer {
  session: Session;
  now = 0;
  readonly effects: Effect[] = [];
  readonly signed: SignedPayment[] = [];

  constructor(facts: { maxPaidSat?: bigint; signed?: SignedPayment | null } = {}) {
    this.session = newSession({ msatPerSecond: rate, maxPaidSat: facts.maxPaidSat ?? 100_000n, signed: facts.signed ?? null });
  }

  give(input: Input): readonly Effect[] {
    const [session, effects] = step(this.session, input, this.now);
    this.session = session;
    for (const effect of effects) {
      if (effect.type !== 'sign') continue;
      const payment = paymentOf(effect.sequence, effect.paidSat);
      this.signed.push(payment);
      this.session = withSigned(this.session, payment);
    }
    this.effects.push(...effects);
    return effects;
  }

  hear(message: ServerMessage): readonly Effect[] {
    return this.give({ type: 'message', message });
  }

  start(paidSat = 0n, sequence = 0, creditMs = 0): readonly Effect[] {
    this.hear({ type: 'hello', nonce: '00'.repeat(32) });
    return this.hear({ type: 'started', sessionId: 's', mediaToken: 't', tickMs, sequence, paidSat, creditMs });
  }

  due(paidSat: bigint, coversMs: number): readonly Effect[] {
    return this.hear({ type: 'due', paidSat, coversMs });
  }

  receipt(sequence: number, paidSat: bigint): readonly Effect[] {
    return this.hear({ type: 'receipt', sequence, paidSat, remainingSat: 0n, coversMs: 0 });
  }

  gate(open: boolean): void {
    this.hear({ type: 'gate', open, reason: open ? 'paid' : 'payment_due' });
  }
}

const paymentOf = (sequence: number, paidSat: bigint): SignedPayment => ({ sequence, paidSat, signatures: [`${sequence}:${paidSat}`] });

describe('a session', () => {
  test('answers the greeting, takes the media token, pays the first tick', () => {
    const viewer = new Viewer();
    expect(viewer.start()).toEqual([{ type: 'media', token: 't' }]);
    expect(viewer.due(20n, 1000)).toEqual([{ type: 'sign', sequence: 1, paidSat: 20n }]);
    viewer.receipt(1, 20n);
    expect(viewer.session.accepted).toEqual({ sequence: 1, paidSat: 20n });
  });

  test('never has more than two ticks paid in advance', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.due(20n, 1000);
    viewer.receipt(1, 20n);
    viewer.gate(true);
    viewer.due(40n, 2000);
    viewer.receipt(2, 40n);
    expect(viewer.due(60n, 3000)).toEqual([]);
    expect(viewer.session.refusal).toBe('ahead_of_clock');
    viewer.now = 1000;
    expect(viewer.due(60n, 3000)).toEqual([{ type: 'sign', sequence: 3, paidSat: 60n }]);
  });

  test('does not go on paying without a picture, until the viewer wants to try again', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.gate(true);
    const pay = (seconds: number): number => {
      viewer.now = seconds * 1000;
      const effects = viewer.due(20n * BigInt(seconds), seconds * 1000);
      for (const effect of effects) if (effect.type === 'sign') viewer.receipt(effect.sequence, effect.paidSat);
      return effects.length;
    };
    for (let seconds = 1; seconds <= 6; seconds += 1) expect(pay(seconds)).toBe(1);
    expect(pay(7)).toBe(0);
    expect(viewer.session.refusal).toBe('no_picture');
    expect(viewer.session.paying).toBe(false);
    expect(viewer.give({ type: 'resume' })).toHaveLength(1);
    viewer.receipt(7, 140n);
    viewer.give({ type: 'frames', frames: 100 });
    for (let seconds = 8; seconds <= 13; seconds += 1) expect(pay(seconds)).toBe(1);
    viewer.give({ type: 'frames', frames: 250 });
    for (let seconds = 14; seconds <= 19; seconds += 1) expect(pay(seconds)).toBe(1);
    expect(pay(20)).toBe(0);
  });

  test('does not count the time in which the gate was shut', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.now = 60_000;
    expect(viewer.due(60n, 3000)).toEqual([]);
    expect(viewer.due(40n, 2000)).toHaveLength(1);
  });

  test('pays nothing above the price of its terms', () => {
    const viewer = new Viewer();
    viewer.start();
    expect(viewer.due(21n, 1000)).toEqual([]);
    expect(viewer.session.refusal).toBe('above_price');
  });

  test('pays no time that was paid for in an earlier session', () => {
    const viewer = new Viewer({ signed: paymentOf(5, 100n) });
    viewer.start(100n, 5, 600);
    expect(viewer.due(120n, 1000)).toEqual([]);
    expect(viewer.due(108n, 1000)).toEqual([{ type: 'sign', sequence: 6, paidSat: 108n }]);
  });

  test('pays nothing over its capacity, nor before the capacity is known', () => {
    const viewer = new Viewer({ maxPaidSat: 19n });
    viewer.start();
    expect(viewer.due(20n, 1000)).toEqual([]);
    expect(viewer.session.refusal).toBe('above_capacity');
    const unknown = new Viewer({ maxPaidSat: 0n });
    unknown.start();
    expect(unknown.due(20n, 1000)).toEqual([]);
    expect(unknown.give({ type: 'capacity', maxPaidSat: 1000n })).toEqual([{ type: 'sign', sequence: 1, paidSat: 20n }]);
  });

  test('stops paying when paused and pays at once when resumed', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.give({ type: 'pause' });
    expect(viewer.due(20n, 1000)).toEqual([]);
    expect(viewer.session.refusal).toBe('paused');
    expect(viewer.give({ type: 'resume' })).toEqual([{ type: 'sign', sequence: 1, paidSat: 20n }]);
  });

  test('answers a repeated due with the very same payment', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.due(20n, 1000);
    expect(viewer.due(20n, 1000)).toEqual([{ type: 'resend', payment: paymentOf(1, 20n) }]);
    viewer.receipt(1, 20n);
    expect(viewer.due(20n, 1000)).toEqual([]);
  });

  test('sends a payment again whose receipt was lost with the socket', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.due(20n, 1000);
    expect(viewer.give({ type: 'connection_lost' })).toEqual([{ type: 'reconnect', afterMs: 500 }]);
    expect(viewer.start(0n, 0)).toContainEqual({ type: 'resend', payment: paymentOf(1, 20n) });
  });

  test('sends nothing again that the provider has accepted', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.due(20n, 1000);
    viewer.give({ type: 'connection_lost' });
    expect(viewer.start(20n, 1)).toEqual([{ type: 'media', token: 't' }]);
  });

  test.each([
    ['an amount', 21n, 1],
    ['a sequence', 20n, 2],
  ])('refuses a provider that claims %s above what was signed', (_name, paidSat, sequence) => {
    const viewer = new Viewer({ signed: paymentOf(1, 20n) });
    expect(viewer.start(paidSat, sequence)).toEqual([{ type: 'disconnect' }]);
    expect(viewer.session.phase).toBe('refused');
    expect(viewer.due(22n, 1000)).toEqual([]);
  });

  test('refuses a receipt for what was never signed', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.due(20n, 1000);
    expect(viewer.receipt(2, 40n)).toEqual([{ type: 'disconnect' }]);
    expect(viewer.session.phase).toBe('refused');
  });

  test('comes back with growing patience', () => {
    const viewer = new Viewer();
    const waits = Array.from({ length: 8 }, () => viewer.give({ type: 'connection_lost' })[0]);
    expect(waits.map((effect) => (effect?.type === 'reconnect' ? effect.afterMs : null))).toEqual([
      500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000,
    ]);
    viewer.start();
    expect(viewer.session.failures).toBe(0);
  });

  test('waits for a provider that restarts, and ends with one that has closed', () => {
    const viewer = new Viewer();
    viewer.start();
    expect(viewer.hear({ type: 'end', reason: 'shutdown', closingTxid: null })).toEqual([]);
    expect(viewer.give({ type: 'connection_lost' })[0]?.type).toBe('reconnect');
    viewer.start();
    expect(viewer.hear({ type: 'end', reason: 'exhausted', closingTxid: 'ab' })).toEqual([{ type: 'disconnect' }]);
    expect(viewer.session.end).toEqual({ reason: 'exhausted', closingTxid: 'ab' });
    expect(viewer.give({ type: 'connection_lost' })).toEqual([]);
  });

  test('leaves once, and pays nothing after it', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.due(20n, 1000);
    viewer.receipt(1, 20n);
    expect(viewer.give({ type: 'leave' })).toEqual([{ type: 'leave' }]);
    expect(viewer.due(40n, 2000)).toEqual([]);
    viewer.hear({ type: 'end', reason: 'left', closingTxid: 'cd' });
    expect(viewer.session.phase).toBe('ended');
  });

  test('that has paid nothing signs one satoshi when it leaves, so that the provider can close at once', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.hear({ type: 'gate', open: false, reason: 'stream_offline' });
    expect(viewer.give({ type: 'leave' })).toEqual([{ type: 'sign', sequence: 1, paidSat: farewellSat }, { type: 'leave' }]);
    viewer.receipt(1, farewellSat);
    expect(viewer.session.phase).toBe('leaving');
    viewer.hear({ type: 'end', reason: 'left', closingTxid: 'cd' });
    expect(viewer.session.end).toEqual({ reason: 'left', closingTxid: 'cd' });
  });

  test('signs no farewell beside an earlier payment, for a funding it does not know, or without a provider that hears it', () => {
    const paid = new Viewer({ signed: paymentOf(5, 100n) });
    paid.start(100n, 5);
    expect(paid.give({ type: 'leave' })).toEqual([{ type: 'leave' }]);
    const unknown = new Viewer({ maxPaidSat: 0n });
    unknown.start();
    expect(unknown.give({ type: 'leave' })).toEqual([{ type: 'leave' }]);
    const alone = new Viewer();
    expect(alone.give({ type: 'leave' })).toEqual([{ type: 'disconnect' }]);
    expect(alone.signed).toEqual([]);
  });
});

/** What any provider, honest or not, may do; amounts are near the interesting ones. */
const move = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('due' as const), paid: fc.bigInt(0n, 400n), covers: fc.integer({ min: 0, max: 20_000 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('receipt' as const), honest: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 1500 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('gate' as const), open: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconnect' as const), behind: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const) }) },
);

describe('whatever a provider does, a session', () => {
  test('signs nothing above its clock, its price and its capacity, and nothing while it is paused', () => {
    const maxPaidSat = 250n;
    fc.assert(
      fc.property(fc.array(move, { maxLength: 80 }), (moves) => {
        const viewer = new Viewer({ maxPaidSat });
        viewer.start();
        for (const given of moves) {
          const before = viewer.signed.length;
          switch (given.kind) {
            case 'due': {
              viewer.due(given.paid, given.covers);
              const made = viewer.signed.at(-1);
              if (viewer.signed.length === before || made === undefined) break;
              const base = viewer.session.run?.basePaidSat ?? 0n;
              expect(viewer.session.paying).toBe(true);
              expect(made.paidSat).toBe(given.paid);
              expect(made.paidSat).toBeLessThanOrEqual(maxPaidSat);
              expect(made.paidSat).toBeLessThanOrEqual(clockLimit(viewer.session, viewer.now));
              expect(made.paidSat).toBeLessThanOrEqual(base + costOf(rate, BigInt(given.covers)));
              expect(made.paidSat).toBeGreaterThan(viewer.session.accepted.paidSat);
              expect(made.sequence).toBe(viewer.session.accepted.sequence + 1);
              break;
            }
            case 'receipt': {
              const last = viewer.session.signed;
              if (last !== null) viewer.receipt(last.sequence, given.honest ? last.paidSat : last.paidSat + 1n);
              break;
            }
            case 'wait':
              viewer.now += given.ms;
              break;
            case 'gate':
              viewer.gate(given.open);
              break;
            case 'reconnect': {
              const { accepted, signed } = viewer.session;
              viewer.give({ type: 'connection_lost' });
              const claim = given.behind || signed === null ? accepted : signed;
              viewer.start(claim.paidSat, claim.sequence);
              break;
            }
            default:
              viewer.give({ type: given.kind });
          }
          if (given.kind !== 'due' && given.kind !== 'resume') expect(viewer.signed).toHaveLength(before);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('pays an honest provider for every second that the gate is open', () => {
    const viewer = new Viewer();
    viewer.start();
    let [delivered, paid, sequence] = [0, 0n, 0];
    for (let elapsed = 0; elapsed < 30_000; elapsed += 50) {
      viewer.now = elapsed;
      const covered = Number((paid * 1_000_000n) / rate);
      viewer.gate(delivered < covered);
      if (delivered < covered) delivered += 50;
      viewer.give({ type: 'frames', frames: delivered });
      if (covered - delivered < tickMs) {
        const coversMs = covered + tickMs;
        const made = viewer.due(costOf(rate, BigInt(coversMs)), coversMs);
        if (made[0]?.type === 'sign') {
          paid = made[0].paidSat;
          sequence += 1;
          viewer.receipt(sequence, paid);
        }
      }
    }
    expect(delivered).toBeGreaterThan(29_000);
  });
});
