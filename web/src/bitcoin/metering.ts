/** What is due, and what a viewer signs at most (section 5.2). */
import { divideRoundedUp } from './bytes.ts';
import { ChannelError } from './error.ts';

/** The price is in millisatoshis a second and media in milliseconds: this many of their product are one satoshi. */
const MSAT_MS_PER_SAT = 1_000_000n;

/** The cumulative amount that pays for the session's media up to `coversMs`, rounded up. Media within the credit costs nothing. */
export function duePaid(baseSat: bigint, coversMs: bigint, creditMs: bigint, msatPerSecond: bigint): bigint {
  const chargeableMs = coversMs > creditMs ? coversMs - creditMs : 0n;
  return baseSat + divideRoundedUp(chargeableMs * msatPerSecond, MSAT_MS_PER_SAT);
}

/** The most that a viewer signs: what it saw by its own clock, and two ticks more. */
export function viewerLimit(baseSat: bigint, gateOpenMs: bigint, tickMs: bigint, msatPerSecond: bigint): bigint {
  return baseSat + divideRoundedUp((gateOpenMs + 2n * tickMs) * msatPerSecond, MSAT_MS_PER_SAT);
}

export interface Due {
  readonly paidSat: bigint;
  readonly coversMs: bigint;
}

/** What the viewer knows when a `due` arrives. */
export interface Meter {
  readonly baseSat: bigint;
  readonly creditMs: bigint;
  readonly msatPerSecond: bigint;
  readonly tickMs: bigint;
  /** By the viewer's own clock: how long the gate was open since `started`. */
  readonly gateOpenMs: bigint;
}

/** Refuses a `due` above the price of what it covers, or above the viewer's own clock plus two ticks. */
export function checkDue(due: Due, meter: Meter): void {
  const price = duePaid(meter.baseSat, due.coversMs, meter.creditMs, meter.msatPerSecond);
  if (due.paidSat > price) throw new ChannelError('terms_differ', `${due.paidSat} sat is asked for where the price is ${price} sat`);
  const limit = viewerLimit(meter.baseSat, meter.gateOpenMs, meter.tickMs, meter.msatPerSecond);
  if (due.paidSat > limit)
    throw new ChannelError('terms_differ', `${due.paidSat} sat is asked for where no more than ${limit} sat can be owed by now`);
}
