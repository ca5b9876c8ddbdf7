/**
 * Plays a stored video: ranges of it are asked for as CARs, checked block by block, and appended to the browser's player. Framework-free.
 *
 *   plan --read--> transfer --checked leaf--> count (what is owed) and append (what is seen) --> plan ...
 *
 * A transfer that is metered is never broken off: the provider has sent, and counts, what is on its way, so after a seek the rest of its
 * few seconds is read, checked and paid, while the next transfer begins. What is free, or bought, is broken off at once.
 * Deliberately absent: money. The session is told what was checked, and whether a block failed.
 */
import { LeafMap } from '../ipfs/dag.ts';
import { DamagedError } from '../ipfs/error.ts';
import { parseCid } from '../ipfs/verify.ts';
import { Appender, FullError } from './appender.ts';
import { CostlyError } from './cost-limit.ts';
import { Faults } from './faults.ts';
import { type Head, HeadReader } from './head.ts';
import { mediaSourceClass, objectionToType } from './media-source.ts';
import type { StoredVideo } from './offer.ts';
import { lastByteToAppend, type Plan, plan, type Run, type Situation } from './plan.ts';
import { costly, type PlayerProblem, problemOf } from './problem.ts';
import { type CheckedBlock, readRange } from './read.ts';
import { Tally } from './tally.ts';
import type { Timeline } from './timeline.ts';
import { Wake } from './wake.ts';

export interface PlayerState {
  readonly phase: 'opening' | 'playing' | 'stopped';
  readonly problem: PlayerProblem | null;
  /** A response broke and is asked for again. */
  readonly retrying: boolean;
  readonly durationMs: number;
  /** All blocks that were checked and their bytes, since the page was opened. */
  readonly checkedBlocks: number;
  readonly checkedBytes: number;
  readonly checkedMs: number;
}

export interface PlayerOptions {
  readonly video: HTMLVideoElement;
  readonly providerUrl: string;
  readonly stored: StoredVideo;
  /** `session`: a media token comes and goes with the session, and what is read is counted; else the token of a pass, or none for what is free. */
  readonly access: 'session' | { readonly token: string | null };
  readonly aheadS: number;
  readonly onState: (state: PlayerState) => void;
  /** What came with the present media token: milliseconds of checked leaves, and all bytes. */
  readonly onChecked?: (token: string, ms: number, bytes: number) => void;
  readonly onDamaged?: (cid: string | null, detail: string) => void;
}

interface Transfer {
  readonly abort: AbortController;
  readonly token: string | null;
  readonly from: number;
  readonly to: number;
}

type Take = (leaves: CheckedBlock['leaves']) => void | Promise<void>;

/** A seek back by less than this needs no reading. */
const keptBehindMs = 30_000;
/** So little is read while the viewer pauses: enough to show the frame. */
const pausedAheadMs = 250;
const largestGapMs = 500;

export class StoredPlayer {
  readonly #options: PlayerOptions;
  readonly #video: HTMLVideoElement;
  readonly #metered: boolean;
  readonly #wake = new Wake();
  readonly #abort = new AbortController();
  readonly #leaves = new LeafMap();
  readonly #transfers = new Set<Transfer>();
  readonly #tally: Tally;
  readonly #faults: Faults;
  #reader: HeadReader;
  #url: string | null = null;
  #appender: Appender | null = null;
  #head: Head | null = null;
  #run: Run | null = null;
  /** Of the run that is appended; a transfer of an earlier one is only read to its end. */
  #generation = 0;
  #token: string | null;
  #aheadMs: number;
  /** What the browser would hold at the most, once it has said so. */
  #fullAtMs = Number.POSITIVE_INFINITY;
  /** The session in which the head is read, and the first of its leaves that came in it. */
  #headUnder: { token: string | null; from: number } = { token: null, from: 0 };
  #sought = false;
  #streaming = true;
  #state: PlayerState;

  constructor(options: PlayerOptions) {
    this.#options = options;
    this.#video = options.video;
    this.#metered = options.access === 'session';
    this.#token = options.access === 'session' ? null : options.access.token;
    this.#reader = new HeadReader(options.stored.size);
    this.#tally = new Tally(this.#metered, (token, ms, bytes) => options.onChecked?.(token, ms, bytes));
    this.#tally.begin(this.#token);
    this.#faults = new Faults(this.#metered);
    this.#aheadMs = options.aheadS * 1000;
    this.#state = {
      phase: 'opening',
      problem: null,
      retrying: false,
      durationMs: options.stored.durationMs,
      checkedBlocks: 0,
      checkedBytes: 0,
      checkedMs: 0,
    };
    const objection = objectionToType(options.stored.mimeType);
    const found = mediaSourceClass();
    if (objection !== null || found === null) {
      this.#stop({ kind: 'unplayable', text: objection ?? '', cid: null });
      return;
    }
    const source = new found.type();
    if (found.managed) {
      this.#video.disableRemotePlayback = true;
      source.addEventListener('startstreaming', () => this.#setStreaming(true));
      source.addEventListener('endstreaming', () => this.#setStreaming(false));
    }
    performance.mark('paystream.open');
    this.#onFrame(() => performance.measure('paystream.first-frame', 'paystream.open'));
    source.addEventListener('sourceopen', () => void this.#open(source), { once: true });
    this.#url = URL.createObjectURL(source);
    this.#video.src = this.#url;
    const { signal } = this.#abort;
    for (const event of ['timeupdate', 'play', 'pause', 'waiting', 'stalled']) {
      this.#video.addEventListener(event, () => this.#wake.now(), { signal });
    }
    this.#video.addEventListener('seeking', () => this.#onSeeking(), { signal });
    this.#video.addEventListener('error', () => this.#onVideoError(), { signal });
  }

  get state(): PlayerState {
    return this.#state;
  }

  /** A session's media token; the one before it is good for nothing any more. */
  setToken(token: string | null): void {
    if (token === this.#token) return;
    this.#token = token;
    this.#tally.begin(token);
    this.#faults.forget();
    for (const transfer of this.#transfers) transfer.abort.abort();
    this.#wake.now();
  }

  setAhead(seconds: number): void {
    this.#aheadMs = seconds * 1000;
    this.#wake.now();
  }

  /** After a problem that may have passed, or when the viewer agrees to what a block costs. */
  retry(): void {
    const kind = this.#state.problem?.kind;
    if (this.#abort.signal.aborted || (kind !== 'unreachable' && kind !== 'costly')) return;
    if (kind === 'costly') this.#tally.allow();
    this.#faults.forget();
    this.#set({ problem: null, phase: this.#head === null ? 'opening' : 'playing' });
    this.#wake.now();
  }

  dispose(): void {
    this.#abort.abort();
    this.#appender?.close();
    for (const transfer of this.#transfers) transfer.abort.abort();
    this.#wake.now();
    this.#video.removeAttribute('src');
    this.#video.load();
    if (this.#url !== null) URL.revokeObjectURL(this.#url);
  }

  async #open(source: MediaSource): Promise<void> {
    try {
      const appender = new Appender(source, this.#options.stored.mimeType);
      this.#appender = appender;
      while (this.#head === null && !this.#ended) await this.#attempts(() => this.#readHead());
      // With what of the media has come along.
      const { head } = this.#reader;
      if (head === null || this.#ended) return;
      this.#head = head;
      source.duration = (head.timeline.durationMs + head.originMs) / 1000;
      if (head.shiftS !== 0) appender.shift(head.shiftS);
      await appender.append(head.init);
      this.#set({ phase: 'playing', durationMs: head.timeline.durationMs });
      while (!this.#ended) await this.#attempts(() => this.#once(head, appender));
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#fail(error);
    }
  }

  get #ended(): boolean {
    return this.#abort.signal.aborted || this.#state.phase === 'stopped';
  }

  /** What stands before the media: boxes and index. What of the media comes with it is kept for the first run. */
  async #readHead(): Promise<void> {
    if (!(await this.#hasToken())) return;
    const { size } = this.#options.stored;
    const reader = this.#reader;
    const token = this.#token;
    if (token !== this.#headUnder.token) this.#headUnder = { token, from: reader.taken.length };
    await this.#transfer(reader.next, Math.min(size, reader.until), (leaves) => {
      for (const leaf of leaves) reader.take(leaf);
      const { head } = reader;
      if (head === null || this.#head !== null) return;
      // What came before its cost could be known; what an earlier session sent is not this one's to be paid for.
      if (token === this.#token) this.#countLeaves(head.timeline, reader.taken.slice(this.#headUnder.from));
      this.#head = head;
    });
  }

  /** One step: reads what is needed next, or waits until something changes. */
  async #once(head: Head, appender: Appender): Promise<void> {
    if (this.#state.problem !== null || !this.#streaming || !(await this.#hasToken())) return this.#wake.next();
    // What is still read of an earlier place shares the provider's trust with what is wanted now: one of them at a time.
    if (this.#transfers.size > 1) return this.#wake.next();
    this.#jumpGap(appender);
    const situation = this.#situation(head, appender);
    const next = plan(situation);
    switch (next.kind) {
      case 'complete':
        await appender.finish();
        return this.#wake.next();
      case 'enough':
        await this.#evict(appender);
        return this.#wake.next();
      case 'read':
        return this.#read(next, situation, head, appender);
    }
  }

  async #read(next: Extract<Plan, { kind: 'read' }>, situation: Situation, head: Head, appender: Appender): Promise<void> {
    let from = next.from;
    if (next.newRun) {
      this.#generation += 1;
      await appender.restart();
      const begin = head.timeline.subsegments[next.subsegment]?.byte ?? 0;
      this.#run = { from: begin, next: begin };
      // The leaf that held the head held some of the media too.
      if (begin < head.bytes.length) {
        await this.#append(appender, head.bytes.subarray(begin));
        this.#run = { from: begin, next: head.bytes.length };
        from = head.bytes.length;
        if (from >= next.to) return;
      }
    }
    const generation = this.#generation;
    const to = next.to;
    await this.#transfer(from, to, async (leaves) => {
      for (const leaf of leaves) {
        const run = this.#run;
        if (generation !== this.#generation || run === null || leaf.end <= run.next) continue;
        const stop = lastByteToAppend({ ...situation, buffered: appender.buffered, run }, run.next + 1, leaf.end);
        await this.#append(appender, leaf.data.subarray(run.next - leaf.start, stop - leaf.start));
        if (generation === this.#generation) this.#run = { from: run.from, next: stop };
        if (stop < leaf.end) this.#generation += 1;
      }
    });
  }

  /**
   * Reads a range, checks it, counts it. Returns at its end, or when the viewer has gone elsewhere; with a session it is then read to its
   * end all the same.
   */
  async #transfer(from: number, to: number, take: Take): Promise<void> {
    const transfer: Transfer = { abort: new AbortController(), token: this.#token, from, to };
    this.#transfers.add(transfer);
    this.#sought = false;
    const blocks = readRange({
      providerUrl: this.#options.providerUrl,
      cid: parseCid(this.#options.stored.cid),
      size: this.#options.stored.size,
      from,
      to,
      token: transfer.token,
      leaves: this.#leaves,
      signal: AbortSignal.any([this.#abort.signal, transfer.abort.signal]),
      onBytes: (count) => {
        if (transfer.token === this.#token) this.#tally.addBytes(count);
      },
    });
    const whole = this.#drain(blocks, transfer, take).finally(() => {
      this.#transfers.delete(transfer);
      this.#wake.now();
    });
    whole.catch((error: unknown) => {
      // Of a transfer that nobody waits for any more, these alone matter.
      if (error instanceof DamagedError) this.#fail(error);
      if (error instanceof CostlyError) this.#ask(error);
    });
    await Promise.race([whole, this.#left(transfer)]);
  }

  /** When the viewer has sought to a place that the transfer does not bring. */
  #left(transfer: Transfer): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        // Ended: then its own outcome counts.
        if (!this.#transfers.has(transfer)) return;
        if (!this.#isElsewhere(transfer)) {
          this.#wake.once(look);
          return;
        }
        this.#generation += 1;
        if (!this.#metered) transfer.abort.abort();
        resolve();
      };
      this.#wake.once(look);
    });
  }

  #isElsewhere(transfer: Transfer): boolean {
    if (this.#head === null || this.#appender === null || !this.#sought) return false;
    this.#sought = false;
    const next = plan(this.#situation(this.#head, this.#appender));
    if (next.kind !== 'read' || !next.newRun) return false;
    const byte = this.#head.timeline.subsegments[next.subsegment]?.byte ?? 0;
    return byte < transfer.from || byte >= transfer.to;
  }

  async #drain(blocks: AsyncGenerator<CheckedBlock>, transfer: Transfer, take: Take): Promise<void> {
    for await (const block of blocks) {
      this.#faults.forget();
      this.#set({
        checkedBlocks: this.#state.checkedBlocks + 1,
        checkedBytes: this.#state.checkedBytes + block.bytes,
        retrying: false,
      });
      if (this.#head !== null && transfer.token === this.#token) this.#countLeaves(this.#head.timeline, block.leaves);
      await take(block.leaves);
    }
  }

  #countLeaves(timeline: Timeline, leaves: CheckedBlock['leaves']): void {
    const ms = this.#tally.addLeaves(timeline, leaves);
    this.#set({ checkedMs: this.#state.checkedMs + ms });
  }

  /** Nothing more is read until the viewer agrees. What was broken off for this is read, and then paid, once they do. */
  #ask(error: CostlyError): void {
    if (this.#ended || this.#state.problem !== null) return;
    if (this.#head === null) {
      this.#reader = new HeadReader(this.#options.stored.size);
      this.#headUnder = { token: this.#token, from: 0 };
    }
    this.#set({ problem: costly(error), retrying: false });
  }

  /** Tries again, more and more patiently, what may succeed the next time. */
  async #attempts(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const reaction = this.#faults.reactionTo(error);
      switch (reaction.kind) {
        case 'none':
          return;
        case 'ask':
          this.#ask(reaction.error);
          return this.#wake.next();
        case 'token_ended':
          this.#token = null;
          this.#tally.begin(null);
          return;
        case 'again':
          this.#set({ retrying: true });
          return this.#wake.within(reaction.afterMs);
        case 'give_up':
          this.#set({ problem: reaction.problem, retrying: false });
          return this.#wake.next();
        case 'stop':
          throw error;
      }
    }
  }

  async #hasToken(): Promise<boolean> {
    if (this.#state.problem === null && (!this.#metered || this.#token !== null)) return true;
    await this.#wake.next();
    return false;
  }

  async #append(appender: Appender, bytes: Uint8Array): Promise<void> {
    for (;;) {
      try {
        await appender.append(bytes);
        return;
      } catch (error) {
        if (!(error instanceof FullError) || this.#ended) throw error;
        const at = this.#video.currentTime * 1000;
        const range = appender.buffered.find(({ startMs, endMs }) => startMs <= at && at <= endMs);
        this.#fullAtMs = Math.max(2_000, (range?.endMs ?? at) - at);
        if (!(await this.#evict(appender, 2_000))) await this.#wake.next();
      }
    }
  }

  /** Lets go of what lies behind; true when there was something. */
  async #evict(appender: Appender, keptMs = keptBehindMs): Promise<boolean> {
    const untilMs = this.#video.currentTime * 1000 - keptMs;
    const [first] = appender.buffered;
    if (first === undefined || untilMs - first.startMs < 2_000) return false;
    await appender.remove(0, untilMs);
    const { timeline, originMs } = this.#head ?? {};
    const run = this.#run;
    if (timeline !== undefined && originMs !== undefined && run !== null) {
      const kept = timeline.subsegments.find(
        (subsegment) => (Number(subsegment.start) * 1000) / Number(timeline.timescale) + originMs >= untilMs,
      );
      this.#run = { from: Math.max(run.from, Math.min(kept?.byte ?? run.next, run.next)), next: run.next };
    }
    return true;
  }

  #situation(head: Head, appender: Appender): Situation {
    const video = this.#video;
    const still = video.paused && !video.ended;
    const aheadMs = Math.min(still ? pausedAheadMs : this.#aheadMs, this.#fullAtMs);
    return {
      timeline: head.timeline,
      leaves: this.#leaves,
      buffered: appender.buffered,
      atMs: video.currentTime * 1000,
      aheadMs,
      run: this.#run,
      originMs: head.originMs,
    };
  }

  /** The first frame may stand a little behind the beginning, and tracks may leave small holes: nobody should wait for those. */
  #jumpGap(appender: Appender): void {
    const at = this.#video.currentTime * 1000;
    const { buffered } = appender;
    if (buffered.some(({ startMs, endMs }) => startMs <= at && at < endMs - 20)) return;
    const next = buffered.find(({ startMs }) => startMs > at);
    if (next !== undefined && next.startMs - at <= largestGapMs) {
      this.#video.currentTime = (next.startMs + 1) / 1000;
      return;
    }
    // The browser let go of what the run had brought: read it again.
    const covered = buffered.some(({ startMs, endMs }) => startMs <= at && at <= endMs + 250);
    if (!covered && buffered.length > 0 && this.#video.readyState < 3) this.#run = this.#run === null ? null : this.#forgetPlace(this.#run);
  }

  /** Keeps where a run goes on, and no longer claims that what it brought is still there. */
  #forgetPlace(run: Run): Run {
    return { from: run.next, next: run.next };
  }

  #onSeeking(): void {
    this.#sought = true;
    performance.mark('paystream.seek');
    this.#onFrame(() => performance.measure('paystream.seek-frame', 'paystream.seek'));
    this.#wake.now();
  }

  #onFrame(act: () => void): void {
    this.#video.requestVideoFrameCallback?.(() => {
      if (!this.#abort.signal.aborted) act();
    });
  }

  #onVideoError(): void {
    if (this.#ended || this.#video.error === null) return;
    this.#stop({
      kind: 'unplayable',
      text: `This browser cannot decode this video: ${this.#video.error.message || 'no reason given'}.`,
      cid: null,
    });
  }

  #setStreaming(streaming: boolean): void {
    this.#streaming = streaming;
    this.#wake.now();
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    if (error instanceof DamagedError) this.#options.onDamaged?.(error.cid, error.message);
    this.#stop(problemOf(error));
  }

  #stop(problem: PlayerProblem): void {
    this.#video.pause();
    for (const transfer of this.#transfers) transfer.abort.abort();
    this.#set({ phase: 'stopped', problem, retrying: false });
    this.#wake.now();
  }

  #set(change: Partial<PlayerState>): void {
    this.#state = { ...this.#state, ...change };
    if (!this.#abort.signal.aborted) this.#options.onState(this.#state);
  }
}
