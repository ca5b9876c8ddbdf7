/**
 * The viewer's side of a session, pure: `step(session, input, now)` returns the next session and the effects to carry out. No socket, no
 * clock, no key: the shell (`client.ts`) has them.
 *
 *   connecting --hello--> starting --started--> active --end--> ended
 *        ^                    |                    |
 *        +------ socket lost, back-off ------------+            any --a provider that claims too much--> refused
 *
 * What it never does: sign above the price, above its own clock plus two ticks, above the channel's capacity, or while the viewer has
 * paused; go on paying without a picture; believe a `paid_sat` above what it signed.
 *
 * A stored video is metered by what the page has checked (12.4) in the place of clock and picture: a due that comes ahead of its blocks
 * waits for them and is paid at once when they are there, and after one block that failed its check nothing is signed any more. To pause
 * such a video is the player's affair: it asks for no more bytes, and then nothing is due.
 */
import { costOf } from '../money.ts';
import type { ChannelView } from '../provider/wire.ts';
import type { ServerMessage, SignedPayment } from './messages.ts';

export type Phase = 'connecting' | 'starting' | 'active' | 'leaving' | 'ended' | 'refused';

/** What bounds a payment from above: the viewer's clock (live, 5.2), or the media that it has checked (stored, 12.4). */
export type Metering = 'clock' | 'checked';

export interface Session {
  readonly phase: Phase;
  readonly metering: Metering;
  readonly msatPerSecond: bigint;
  /** The most that the channel can pay (4.2); 0 while its funding is not known. */
  readonly maxPaidSat: bigint;
  /** The highest payment ever signed for this channel, in this session or before. */
  readonly signed: SignedPayment | null;
  /** The last payment that the provider acknowledged. */
  readonly accepted: { readonly sequence: number; readonly paidSat: bigint };
  readonly run: Run | null;
  /** False while the viewer has paused. */
  readonly paying: boolean;
  readonly gate: { readonly open: boolean; readonly reason: string };
  readonly due: { readonly paidSat: bigint; readonly coversMs: number } | null;
  /** Why the last due was not paid, when it was not. */
  readonly refusal: Refusal | null;
  readonly notice: { readonly code: string; readonly detail: string } | null;
  readonly channel: ChannelView | null;
  readonly end: { readonly reason: string; readonly closingTxid: string | null } | null;
  /** Connections that failed one after the other. */
  readonly failures: number;
  /** Receipts of this session, for the page's tape. */
  readonly receipts: number;
  /** The newest progress of the picture, and what had been paid when it was seen. */
  readonly picture: { readonly frames: number; readonly paidSat: bigint };
  /** Media of this run's leaves that the page has checked, and bytes that have come, checked or not. */
  readonly checked: { readonly ms: number; readonly bytes: number };
  /** The block that failed its check. Nothing is signed after it. */
  readonly damage: { readonly cid: string | null; readonly detail: string } | null;
  /** A due that is ahead of what was checked: since when, and with how many bytes, nothing has come for it. */
  readonly stuck: { readonly since: number; readonly bytes: number } | null;
  /** Sessions begun anew because of that, since the last receipt. */
  readonly renewals: number;
  /** Of the runs before this one; null before the first. */
  readonly earlier: Earlier | null;
}

/** What bounds all runs of a stored video together, so that a provider gains nothing by breaking the line. */
export interface Earlier {
  /** What had been paid before the first run. */
  readonly paidSat: bigint;
  /** Media that was checked in earlier runs, less what had been paid for before the first. */
  readonly checkedMs: number;
  readonly runs: number;
  /** The highest amount that this page has signed or been told of: a higher one was signed in another tab. */
  readonly knownSat: bigint;
}

/** From one `started` to the end of its socket. */
export interface Run {
  readonly mediaToken: string;
  readonly tickMs: number;
  readonly basePaidSat: bigint;
  readonly creditMs: number;
  /** Time with an open gate before `openSince`. */
  readonly openMs: number;
  readonly openSince: number | null;
}

export type Refusal =
  | 'paused'
  | 'no_picture'
  | 'above_price'
  | 'ahead_of_clock'
  | 'ahead_of_blocks'
  | 'unchecked'
  | 'damaged'
  | 'above_capacity'
  | 'funding_unknown';

export type Input =
  | { readonly type: 'message'; readonly message: ServerMessage }
  | { readonly type: 'connection_lost' }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'leave' }
  | { readonly type: 'capacity'; readonly maxPaidSat: bigint }
  | { readonly type: 'frames'; readonly frames: number }
  /** All that this run's responses brought so far; never falls within a run. */
  /** Of the run whose media token this is: what was read in another run is no reason to pay in this one. */
  | { readonly type: 'checked'; readonly token: string; readonly ms: number; readonly bytes: number }
  | { readonly type: 'damaged'; readonly cid: string | null; readonly detail: string };

export type Effect =
  | { readonly type: 'start'; readonly nonce: string }
  | { readonly type: 'sign'; readonly sequence: number; readonly paidSat: bigint }
  | { readonly type: 'resend'; readonly payment: SignedPayment }
  | { readonly type: 'media'; readonly token: string }
  | { readonly type: 'leave' }
  | { readonly type: 'reconnect'; readonly afterMs: number }
  | { readonly type: 'disconnect' };

export function newSession(facts: {
  msatPerSecond: bigint;
  maxPaidSat: bigint;
  signed: SignedPayment | null;
  metering?: Metering;
}): Session {
  return {
    ...facts,
    metering: facts.metering ?? 'clock',
    phase: 'connecting',
    accepted: { sequence: 0, paidSat: 0n },
    run: null,
    paying: true,
    gate: { open: false, reason: 'waiting_for_media' },
    due: null,
    refusal: null,
    notice: null,
    channel: null,
    end: null,
    failures: 0,
    receipts: 0,
    picture: { frames: 0, paidSat: 0n },
    checked: { ms: 0, bytes: 0 },
    damage: null,
    stuck: null,
    renewals: 0,
    earlier: null,
  };
}

/**
 * A due that no block comes for in this time was for blocks that were lost on their way. A new session settles it: what is left unpaid at
 * the end of one is the provider's loss, and remembered by it (12.4), so it is done three times in a row at the most.
 */
export const stuckMs = 5_000;
export const maxRenewals = 3;

/**
 * Each run may round its price up to a whole satoshi, and only so many runs of a page: from then on they round up together. An honest
 * provider carries the rest of a satoshi over as `credit_ms`, in whole milliseconds.
 */
export const maxRoundings = 10;

/** Media that is paid for, at the most, after the last sign of a picture. */
const pictureGraceMs = 6_000n;

type Step = readonly [Session, readonly Effect[]];

export function step(session: Session, input: Input, now: number): Step {
  if (session.phase === 'ended' || session.phase === 'refused') return [session, []];
  switch (input.type) {
    case 'message':
      return onMessage(session, input.message, now);
    case 'connection_lost':
      return onConnectionLost(session, now);
    case 'pause':
      return session.metering === 'clock' ? [{ ...session, paying: false }, []] : [session, []];
    case 'resume':
      if (session.metering === 'checked') return [session, []];
      return answerDue({ ...session, paying: true, picture: { ...session.picture, paidSat: session.accepted.paidSat } }, now);
    case 'leave':
      return session.phase === 'active'
        ? [{ ...session, phase: 'leaving', paying: false }, [...farewell(session), { type: 'leave' }]]
        : [{ ...session, phase: 'ended', end: { reason: 'left', closingTxid: null } }, [{ type: 'disconnect' }]];
    case 'capacity':
      return answerDue({ ...session, maxPaidSat: input.maxPaidSat }, now);
    case 'frames':
      // A counter that starts again belongs to a new connection: progress too.
      return input.frames === session.picture.frames
        ? [session, []]
        : [{ ...session, picture: { frames: input.frames, paidSat: session.accepted.paidSat } }, []];
    case 'checked': {
      if (session.run?.mediaToken !== input.token) return [session, []];
      if (input.ms < session.checked.ms || input.bytes < session.checked.bytes) return [session, []];
      const paid = session.refusal === 'ahead_of_blocks' || session.refusal === 'unchecked';
      const came: Session = { ...session, checked: { ms: input.ms, bytes: input.bytes } };
      return paid ? answerDue(came, now) : [came, []];
    }
    case 'damaged':
      return [{ ...session, damage: { cid: input.cid, detail: input.detail }, refusal: 'damaged', paying: false, stuck: null }, []];
  }
}

/**
 * One satoshi for a channel that has paid nothing: it lies under every dust limit, so that the closing transaction has no payee and gives
 * it back with everything else (4.2, case 5). Without a payment there would be nothing to broadcast, and the money would wait for the expiry.
 */
export const farewellSat = 1n;

function farewell(session: Session): readonly Effect[] {
  const paidNothing = session.signed === null && session.accepted.sequence === 0;
  return paidNothing && session.maxPaidSat >= farewellSat ? [{ type: 'sign', sequence: 1, paidSat: farewellSat }] : [];
}

/** The most that may be signed at `now` (5.2): the viewer's own clock, counted while the gate is open, and two ticks. */
export function clockLimit(session: Session, now: number): bigint {
  const run = session.run;
  if (run === null) return 0n;
  const open = run.openMs + (run.openSince === null ? 0 : Math.max(0, now - run.openSince));
  return run.basePaidSat + costOf(session.msatPerSecond, BigInt(Math.floor(open)) + 2n * BigInt(run.tickMs));
}

/** The most that may be signed for what the page has checked (12.4), in this run and in all of them. */
export function checkedLimit(session: Session): bigint {
  const { run, earlier, checked, msatPerSecond } = session;
  if (run === null || earlier === null) return 0n;
  const ofRun = run.basePaidSat + costOf(msatPerSecond, BigInt(checked.ms) - BigInt(run.creditMs));
  const inAll = BigInt(earlier.checkedMs) + BigInt(checked.ms) + BigInt(earlier.runs);
  const ofAll = earlier.paidSat + costOf(msatPerSecond, inAll) + BigInt(Math.min(earlier.runs, maxRoundings));
  return ofRun < ofAll ? ofRun : ofAll;
}

function earlierThan(session: Session, claimedSat: bigint, creditMs: number): Earlier {
  const { earlier } = session;
  if (earlier === null || claimedSat > earlier.knownSat) {
    return { paidSat: claimedSat, checkedMs: -creditMs, runs: 0, knownSat: claimedSat };
  }
  return { ...earlier, checkedMs: earlier.checkedMs + session.checked.ms, runs: earlier.runs + 1 };
}

function onMessage(session: Session, message: ServerMessage, now: number): Step {
  switch (message.type) {
    case 'hello':
      return [{ ...session, phase: 'starting' }, [{ type: 'start', nonce: message.nonce }]];
    case 'started':
      return onStarted(session, message, now);
    case 'due':
      return answerDue({ ...session, due: { paidSat: message.paidSat, coversMs: message.coversMs } }, now);
    case 'receipt':
      return onReceipt(session, message);
    case 'gate':
      return [{ ...withClock(session, message.open, now), gate: { open: message.open, reason: message.reason } }, []];
    case 'channel':
      return [{ ...session, channel: message.channel }, []];
    case 'warning':
    case 'error':
      return [{ ...session, notice: { code: message.code, detail: message.detail } }, []];
    case 'end':
      return onEnd(session, message);
  }
}

function onStarted(session: Session, message: Extract<ServerMessage, { type: 'started' }>, now: number): Step {
  const { signed } = session;
  const claimed = { sequence: message.sequence, paidSat: message.paidSat };
  if (claimed.paidSat > (signed?.paidSat ?? 0n) || claimed.sequence > (signed?.sequence ?? 0)) {
    return refuse(
      session,
      'overclaimed',
      'The provider claims more than this page ever signed. Nothing more is paid; the money that is left comes back when the channel expires.',
    );
  }
  const started: Session = {
    ...session,
    phase: 'active',
    accepted: claimed,
    failures: 0,
    due: null,
    refusal: session.damage === null ? null : 'damaged',
    earlier: earlierThan(session, claimed.paidSat, message.creditMs),
    checked: { ms: 0, bytes: 0 },
    stuck: null,
    picture: { frames: 0, paidSat: claimed.paidSat },
    gate: { open: false, reason: 'waiting_for_media' },
    run: {
      mediaToken: message.mediaToken,
      tickMs: message.tickMs,
      basePaidSat: claimed.paidSat,
      creditMs: message.creditMs,
      openMs: 0,
      openSince: null,
    },
  };
  const effects: Effect[] = [{ type: 'media', token: message.mediaToken }];
  // Signed and sent, and the socket broke before the receipt: the very same payment again, which is safe to repeat.
  // What a stored video's payment was signed for had been checked then; a clock starts anew.
  const owed = session.metering === 'checked' ? session.damage === null : signed !== null && signed.paidSat <= clockLimit(started, now);
  const lost = signed !== null && signed.sequence === claimed.sequence + 1 && owed;
  if (lost) effects.push({ type: 'resend', payment: signed });
  return [started, effects];
}

/** Pays what is due when it is owed, and says why when it is not. */
function answerDue(session: Session, now: number): Step {
  const { due, run, signed, accepted } = session;
  if (due === null || run === null || session.phase !== 'active' || due.paidSat <= accepted.paidSat) return [session, []];
  // On its way already: a due that is repeated gets the same payment again, byte for byte.
  if (signed !== null && signed.sequence === accepted.sequence + 1 && signed.paidSat >= due.paidSat) {
    if (signed.paidSat > due.paidSat) return [session, []];
    return [
      { ...session, refusal: session.damage === null ? null : 'damaged' },
      session.paying ? [{ type: 'resend', payment: signed }] : [],
    ];
  }
  const refusal = objection(session, run, due, now);
  if (refusal === 'ahead_of_blocks') return awaitBlocks(session, now);
  // Without a picture the viewer decides: it does not go on paying by itself.
  if (refusal === 'no_picture') return [{ ...session, refusal, paying: false }, []];
  if (refusal !== null) return [{ ...session, refusal }, []];
  const earlier = session.earlier === null ? null : { ...session.earlier, knownSat: due.paidSat };
  return [{ ...session, earlier, refusal: null, stuck: null }, [{ type: 'sign', sequence: accepted.sequence + 1, paidSat: due.paidSat }]];
}

/** A due ahead of its blocks waits, for as long as bytes come; the provider repeats it each tick, and that is the clock of this. */
function awaitBlocks(session: Session, now: number): Step {
  const { bytes } = session.checked;
  const stuck = session.stuck?.bytes === bytes ? session.stuck : { since: now, bytes };
  if (now - stuck.since < stuckMs)
    return [{ ...session, stuck, refusal: session.refusal === 'unchecked' ? 'unchecked' : 'ahead_of_blocks' }, []];
  if (session.renewals >= maxRenewals) return [{ ...session, stuck, refusal: 'unchecked' }, []];
  const [lost, effects] = onConnectionLost({ ...session, failures: 0 }, now);
  return [{ ...lost, stuck: null, renewals: session.renewals + 1 }, [{ type: 'disconnect' }, ...effects]];
}

function objection(session: Session, run: Run, due: { paidSat: bigint; coversMs: number }, now: number): Refusal | null {
  if (session.damage !== null) return 'damaged';
  if (!session.paying) return session.refusal === 'no_picture' ? 'no_picture' : 'paused';
  if (session.maxPaidSat === 0n) return 'funding_unknown';
  if (due.paidSat > session.maxPaidSat) return 'above_capacity';
  const price = run.basePaidSat + costOf(session.msatPerSecond, BigInt(due.coversMs) - BigInt(run.creditMs));
  if (due.paidSat > price) return 'above_price';
  if (session.metering === 'checked') return due.paidSat > checkedLimit(session) ? 'ahead_of_blocks' : null;
  if (due.paidSat > clockLimit(session, now)) return 'ahead_of_clock';
  if (due.paidSat > session.picture.paidSat + costOf(session.msatPerSecond, pictureGraceMs)) return 'no_picture';
  return null;
}

/** What the shell reports when it has signed: from here on the provider may know this payment. */
export function withSigned(session: Session, payment: SignedPayment): Session {
  const highest = session.signed === null || payment.paidSat >= session.signed.paidSat || payment.sequence > session.signed.sequence;
  return highest ? { ...session, signed: payment } : session;
}

function onReceipt(session: Session, message: Extract<ServerMessage, { type: 'receipt' }>): Step {
  const { signed, accepted } = session;
  if (signed === null || message.paidSat > signed.paidSat || message.sequence > signed.sequence) {
    return refuse(session, 'overclaimed', 'The provider acknowledged a payment that this page never signed. Nothing more is paid.');
  }
  if (message.sequence <= accepted.sequence) return [session, []];
  return [
    {
      ...session,
      accepted: { sequence: message.sequence, paidSat: message.paidSat },
      receipts: session.receipts + 1,
      renewals: 0,
      notice: null,
    },
    [],
  ];
}

function onEnd(session: Session, message: Extract<ServerMessage, { type: 'end' }>): Step {
  // A provider that restarts, or resumes after a fault, holds the channel: come back to it.
  if (message.reason === 'shutdown') return [{ ...session, notice: { code: 'shutdown', detail: 'The provider is restarting.' } }, []];
  return [
    { ...session, phase: 'ended', run: null, end: { reason: message.reason, closingTxid: message.closingTxid } },
    [{ type: 'disconnect' }],
  ];
}

function onConnectionLost(session: Session, now: number): Step {
  if (session.phase === 'leaving') {
    // The request to leave may have been heard or not; the provider closes an idle channel by itself.
    return [{ ...session, phase: 'ended', run: null, end: { reason: 'left', closingTxid: null } }, []];
  }
  const stopped = withClock(session, false, now);
  const afterMs = Math.min(15_000, 500 * 2 ** Math.min(session.failures, 5));
  return [
    {
      ...stopped,
      phase: 'connecting',
      run: null,
      due: null,
      refusal: null,
      gate: { open: false, reason: 'disconnected' },
      failures: session.failures + 1,
    },
    [{ type: 'reconnect', afterMs }],
  ];
}

function withClock(session: Session, open: boolean, now: number): Session {
  const run = session.run;
  if (run === null || open === (run.openSince !== null)) return session;
  return open
    ? { ...session, run: { ...run, openSince: now } }
    : { ...session, run: { ...run, openMs: run.openMs + Math.max(0, now - (run.openSince ?? now)), openSince: null } };
}

function refuse(session: Session, code: string, detail: string): Step {
  return [{ ...session, phase: 'refused', run: null, paying: false, notice: { code, detail } }, [{ type: 'disconnect' }]];
}
