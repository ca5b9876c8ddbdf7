/** The session of a stored video: what the page has checked bounds what it signs (docs/protocol.md, 12.4). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { costOf } from '../money.ts';
import {
  checkedLimit,
  type Effect,
  type Input,
  maxRenewals,
  maxRoundings,
  newSession,
  type Session,
  step,
  stuckMs,
  withSigned,
} from './core.ts';
import type { ServerMessage, SignedPayment } from './messages.ts';

const rate = 20_000n;
const tickMs = 1000;

/** The shell without a socket: signs what it is told to. */
class Viewer {
  session: Session;
  now = 0;
  readonly signed: SignedPayment[] = [];

  constructor(facts: { maxPaidSat?: bigint; signed?: SignedPayment | null } = {}) {
    this.session = newSession({
      msatPerSecond: rate,
      maxPaidSat: facts.maxPaidSat ?? 1_000_000n,
      signed: facts.signed ?? null,
      metering: 'checked',
    });
  }

  give(input: Input): readonly Effect[] {
    const [session, effects] = step(this.session, input, this.now);
    this.session = session;
    for (const effect of effects) {
      if (effect.type !== 'sign') continue;
      const payment = { sequence: effect.sequence, paidSat: effect.paidSat, signatures: [`${effect.sequence}:${effect.paidSat}`] };
      this.signed.push(payment);
      this.session = withSigned(this.session, payment);
    }
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

  receipt(sequence: number, paidSat: bigint): void {
    this.hear({ type: 'receipt', sequence, paidSat, remainingSat: 0n, coversMs: 0 });
  }

  checked(ms: number, bytes = ms * 100, token = 't'): readonly Effect[] {
    return this.give({ type: 'checked', token, ms, bytes });
  }
}

describe('a session of a stored video', () => {
  test('pays a due that comes ahead of its blocks when they have been checked, at once and once', () => {
    const viewer = new Viewer();
    viewer.start();
    expect(viewer.due(20n, 1000)).toEqual([]);
    expect(viewer.session.refusal).toBe('ahead_of_blocks');
    expect(viewer.checked(999)).toEqual([{ type: 'sign', sequence: 1, paidSat: 20n }]);
    expect(viewer.session.refusal).toBeNull();
    expect(viewer.checked(1000)).toEqual([]);
  });

  test('pays what has been checked already without looking at the clock', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.checked(30_000);
    expect(viewer.due(600n, 30_000)).toEqual([{ type: 'sign', sequence: 1, paidSat: 600n }]);
  });

  test('what was read in another session is no reason to pay in this one', () => {
    const viewer = new Viewer();
    viewer.start();
    expect(viewer.checked(60_000, 6_000_000, 'an earlier one')).toEqual([]);
    expect(viewer.due(1_200n, 60_000)).toEqual([]);
    expect(viewer.session.refusal).toBe('ahead_of_blocks');
  });

  test('does not pay again what was paid for and not delivered before', () => {
    const viewer = new Viewer({ signed: { sequence: 5, paidSat: 100n, signatures: [] } });
    viewer.start(100n, 5, 600);
    viewer.checked(1000);
    expect(viewer.due(109n, 1000)).toEqual([]);
    expect(viewer.session.refusal).toBe('above_price');
    expect(viewer.due(108n, 1000)).toEqual([{ type: 'sign', sequence: 6, paidSat: 108n }]);
  });

  test('says that a due is above the price, however much has been checked', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.checked(60_000);
    expect(viewer.due(21n, 1000)).toEqual([]);
    expect(viewer.session.refusal).toBe('above_price');
  });

  test('goes on paying while the viewer pauses: what has come is owed, and the player asks for no more', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.give({ type: 'pause' });
    viewer.checked(1000);
    expect(viewer.due(20n, 1000)).toHaveLength(1);
  });

  test('signs nothing after a block that failed, not even for blocks that were checked before, nor after a resume', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.checked(5000);
    viewer.due(20n, 1000);
    viewer.receipt(1, 20n);
    viewer.give({ type: 'damaged', cid: 'bafkrei', detail: 'not what its CID names' });
    expect(viewer.due(40n, 2000)).toEqual([]);
    expect(viewer.give({ type: 'resume' })).toEqual([]);
    expect(viewer.checked(6000)).toEqual([]);
    viewer.give({ type: 'connection_lost' });
    viewer.start(20n, 1);
    viewer.checked(5000);
    expect(viewer.due(40n, 1000)).toEqual([]);
    expect(viewer.session.refusal).toBe('damaged');
    expect(viewer.session.damage).toEqual({ cid: 'bafkrei', detail: 'not what its CID names' });
    expect(viewer.signed).toHaveLength(1);
  });

  test('leaves a provider whose block failed, so that it can close the channel', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.checked(5000);
    viewer.due(20n, 1000);
    viewer.receipt(1, 20n);
    viewer.give({ type: 'damaged', cid: 'bafkrei', detail: '' });
    expect(viewer.give({ type: 'leave' })).toEqual([{ type: 'leave' }]);
  });

  test('begins anew when blocks were lost on their way, and only so often', () => {
    const viewer = new Viewer();
    for (let renewal = 1; renewal <= maxRenewals; renewal += 1) {
      viewer.start();
      viewer.due(40n, 2000);
      viewer.now += stuckMs - 1;
      expect(viewer.due(40n, 2000)).toEqual([]);
      viewer.now += 1;
      expect(viewer.due(40n, 2000)).toEqual([{ type: 'disconnect' }, { type: 'reconnect', afterMs: 500 }]);
      expect(viewer.session.phase).toBe('connecting');
    }
    viewer.start();
    viewer.due(40n, 2000);
    viewer.now += stuckMs;
    expect(viewer.due(40n, 2000)).toEqual([]);
    expect(viewer.session.refusal).toBe('unchecked');
    expect(viewer.checked(2000)).toEqual([{ type: 'sign', sequence: 1, paidSat: 40n }]);
    viewer.receipt(1, 40n);
    expect(viewer.session.renewals).toBe(0);
  });

  test('waits for a slow block as long as bytes of it come', () => {
    const viewer = new Viewer();
    viewer.start();
    for (let second = 0; second < 60; second += 1) {
      viewer.now = second * 1000;
      viewer.checked(0, second * 10_000);
      expect(viewer.due(20n, 1000)).toEqual([]);
    }
    expect(viewer.session.phase).toBe('active');
    expect(viewer.session.refusal).toBe('ahead_of_blocks');
  });

  test('sends a payment again whose receipt was lost with the socket', () => {
    const viewer = new Viewer();
    viewer.start();
    viewer.checked(10_000);
    viewer.due(200n, 10_000);
    viewer.give({ type: 'connection_lost' });
    expect(viewer.start()).toContainEqual({ type: 'resend', payment: viewer.signed[0] });
    expect(viewer.session.checked.ms).toBe(0);
  });

  test('rounds up for a few broken lines, and not for each one that a provider breaks', () => {
    const viewer = new Viewer();
    let [paid, checked] = [0n, 0];
    for (let line = 0; line < 200; line += 1) {
      viewer.start(paid, Number(paid));
      // A leaf of 1 ms, and a whole satoshi for it.
      checked += 1;
      viewer.checked(1, line);
      viewer.due(paid + 1n, 1);
      const { signed } = viewer.session;
      if (signed !== null && signed.paidSat > paid) {
        paid = signed.paidSat;
        viewer.receipt(signed.sequence, paid);
      }
      viewer.give({ type: 'connection_lost' });
    }
    expect(paid).toBeLessThanOrEqual(costOf(rate, BigInt(2 * checked)) + BigInt(maxRoundings));
    expect(paid).toBeGreaterThan(BigInt(maxRoundings));
  });

  test('owes no more for what was signed in another tab between two lines', () => {
    const viewer = new Viewer({ signed: { sequence: 1, paidSat: 5n, signatures: [] } });
    viewer.start(5n, 1);
    viewer.give({ type: 'connection_lost' });
    viewer.session = withSigned(viewer.session, { sequence: 9, paidSat: 900n, signatures: [] });
    viewer.start(900n, 9);
    viewer.checked(1000);
    expect(viewer.due(920n, 1000)).toEqual([{ type: 'sign', sequence: 10, paidSat: 920n }]);
  });
});

const move = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('due' as const), paid: fc.bigInt(0n, 400n), covers: fc.integer({ min: 0, max: 20_000 }) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('checked' as const), ms: fc.integer({ min: 0, max: 2000 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('receipt' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 3000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconnect' as const), behind: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const, 'damaged' as const) }) },
);

describe('whatever a provider does, a session of a stored video', () => {
  test('signs nothing above what was checked at the price, and nothing after a block that failed', () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 100 }), (moves) => {
        const viewer = new Viewer({ maxPaidSat: 300n });
        viewer.start();
        let checked = 0;
        /** Media checked in all runs: nothing signed may ever be above its price. */
        let checkedEver = 0;
        let damaged = false;
        for (const given of moves) {
          const before = viewer.signed.length;
          switch (given.kind) {
            case 'due':
              viewer.due(given.paid, given.covers);
              break;
            case 'checked':
              if (viewer.session.run === null) break;
              checked += given.ms;
              checkedEver += given.ms;
              viewer.checked(checked);
              break;
            case 'receipt': {
              const last = viewer.session.signed;
              if (last !== null) viewer.receipt(last.sequence, last.paidSat);
              break;
            }
            case 'wait':
              viewer.now += given.ms;
              break;
            case 'reconnect': {
              const { accepted, signed } = viewer.session;
              viewer.give({ type: 'connection_lost' });
              const claim = given.behind || signed === null ? accepted : signed;
              viewer.start(claim.paidSat, claim.sequence);
              checked = 0;
              break;
            }
            case 'damaged':
              viewer.give({ type: 'damaged', cid: 'bafkrei', detail: '' });
              damaged = true;
              break;
            default:
              viewer.give({ type: given.kind });
          }
          if (viewer.session.run === null && viewer.session.phase === 'connecting') {
            // It began anew by itself.
            const { accepted } = viewer.session;
            viewer.start(accepted.paidSat, accepted.sequence);
            checked = 0;
          }
          const made = viewer.signed.length > before ? viewer.signed.at(-1) : undefined;
          if (made === undefined) continue;
          expect(damaged).toBe(false);
          expect(made.paidSat).toBeLessThanOrEqual(300n);
          expect(made.paidSat).toBeLessThanOrEqual(checkedLimit(viewer.session));
          // Some runs round up to a whole satoshi, and every one to a whole millisecond.
          const runs = moves.filter(({ kind }) => kind === 'reconnect' || kind === 'wait').length + 1;
          const roundings = BigInt(Math.min(runs, maxRoundings));
          expect(made.paidSat).toBeLessThanOrEqual(costOf(rate, BigInt(checkedEver + runs)) + roundings);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('pays an honest provider for all that it has checked', () => {
    const scene = fc.record({
      leaves: fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 40 }),
      checkingTakes: fc.integer({ min: 0, max: 900 }),
      creditMs: fc.integer({ min: 0, max: 2000 }),
    });
    fc.assert(
      fc.property(scene, ({ leaves, checkingTakes, creditMs }) => {
        const viewer = new Viewer({ signed: { sequence: 1, paidSat: 50n, signatures: [] } });
        viewer.start(50n, 1, creditMs);
        let [delivered, paid, sequence, next, lastDue] = [0, 50n, 1, 0, -1000];
        const inFlight: { at: number; ms: number }[] = [];
        let checked = 0;
        const price = (ms: number): bigint => 50n + costOf(rate, BigInt(ms - creditMs));
        const isPaid = (ms: number): boolean => price(ms) <= paid;
        for (let now = 0; now < 200_000 && (next < leaves.length || inFlight.length > 0 || !isPaid(delivered)); now += 50) {
          viewer.now = now;
          // 12.4: a leaf goes out when nothing is owed, or when it and what is owed are two ticks at the most.
          const leaf = leaves[next];
          const owed = isPaid(delivered) ? 0 : delivered - creditMs - Number(((paid - 50n) * 1_000_000n) / rate);
          if (leaf !== undefined && (owed === 0 || owed + leaf <= 2 * tickMs)) {
            delivered += leaf;
            next += 1;
            inFlight.push({ at: now + checkingTakes, ms: leaf });
          }
          let made: readonly Effect[] = [];
          const take = (effects: readonly Effect[]): void => {
            made = [...made, ...effects];
          };
          if (!isPaid(delivered) && now - lastDue >= tickMs) {
            take(viewer.due(price(delivered), delivered));
            lastDue = now;
          }
          for (const piece of inFlight.splice(0, inFlight.filter(({ at }) => at <= now).length)) {
            checked += piece.ms;
            take(viewer.checked(checked, checked + now));
          }
          for (const effect of made) {
            if (effect.type !== 'sign') continue;
            [paid, sequence] = [effect.paidSat, effect.sequence];
            viewer.receipt(sequence, paid);
            lastDue = now - tickMs;
          }
        }
        expect(next).toBe(leaves.length);
        expect(paid).toBe(price(leaves.reduce((sum, ms) => sum + ms, 0)));
        expect(viewer.session.renewals).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
