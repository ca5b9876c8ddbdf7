/** What the journeys do in the Watch page, and what they read there. */
import type { Locator, Page } from '@playwright/test';
import { expect } from '../stack/journey.ts';
import type { Stack } from '../stack/stack.ts';

/** A channel as the page keeps it. */
export interface KeptChannel {
  readonly channelId: string;
  readonly address: string;
  readonly terms: {
    readonly expiry_height: number;
    readonly fee_sat: string;
    readonly creator_share_bps: number;
    readonly provider_script: string;
    readonly creator_script: string;
    readonly change_script: string;
  };
  readonly funding: readonly { readonly txid: string; readonly vout: number; readonly valueSat: string }[];
  readonly signed: { readonly sequence: number; readonly paidSat: string } | null;
}

/** A transaction as the node's `getrawtransaction` describes it. */
export interface NodeTransaction {
  readonly txid: string;
  readonly version: number;
  readonly confirmations?: number;
  readonly vin: readonly { readonly txid: string; readonly vout: number }[];
  readonly vout: readonly { readonly value: number; readonly scriptPubKey: { readonly hex: string } }[];
}

export class Watching {
  readonly page: Page;
  readonly #stack: Stack;

  constructor(page: Page, stack: Stack) {
    this.page = page;
    this.#stack = stack;
  }

  at(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  /** Opens the demo, opens a channel for some minutes and funds it; returns when it plays. */
  async begin(minutes = 15): Promise<void> {
    await this.fund(this.#stack.record.content.contentId, minutes);
    await this.plays();
  }

  /** Opens a channel for some minutes of a content, and funds it. */
  async fund(contentId: string, minutes: number): Promise<void> {
    await this.page.goto(`${this.#stack.record.urls.web}/#/content/${contentId}`);
    await this.at('minutes').fill(`${minutes}`);
    await this.at('watch').click();
    await expect(this.at('fund')).toBeVisible();
    await this.at('faucet').click();
  }

  async plays(): Promise<void> {
    await expect(this.at('session-state')).toHaveText('Playing', { timeout: 60_000 });
    await this.risesBy('frames-decoded', 24);
  }

  /** Waits until so much is paid that the closing transaction has all three outputs. */
  async paysEnoughForBoth(): Promise<void> {
    await expect.poll(() => this.value('paid-sat'), { timeout: 120_000, intervals: [1_000] }).toBeGreaterThanOrEqual(enoughForBothSat);
  }

  async leave(): Promise<void> {
    await this.at('leave').click();
    await this.at('leave-confirm').click();
    await expect(this.at('settlement-state')).toHaveText('Settled and confirmed', { timeout: 60_000 });
  }

  /** The number that an element carries. */
  async value(testId: string): Promise<number> {
    return Number(await this.at(testId).getAttribute('data-value'));
  }

  /** Waits until the number that an element carries is so high. */
  async reaches(testId: string, least: number, timeout = 60_000): Promise<void> {
    await expect.poll(() => this.value(testId), { timeout, message: `${testId} reaches ${least}` }).toBeGreaterThanOrEqual(least);
  }

  /** Waits until the number that an element carries has risen by so much. */
  async risesBy(testId: string, amount: number, timeout = 30_000): Promise<void> {
    const before = await this.value(testId);
    await expect
      .poll(() => this.value(testId), { timeout, message: `${testId} rises by ${amount}` })
      .toBeGreaterThanOrEqual(before + amount);
  }

  /** Waits until the number stays the same for `forMs`, and returns how long that took to begin. */
  async comesToRest(testId: string, forMs: number, timeout = 20_000): Promise<number> {
    const started = Date.now();
    let [last, since] = [await this.value(testId), Date.now()];
    await expect
      .poll(
        async () => {
          const now = await this.value(testId);
          if (now !== last) [last, since] = [now, Date.now()];
          return Date.now() - since;
        },
        { timeout, intervals: [100], message: `${testId} stands still for ${forMs} ms` },
      )
      .toBeGreaterThanOrEqual(forMs);
    return since - started;
  }

  /** The newest channel of this browser. */
  async channel(): Promise<KeptChannel> {
    const channels = await this.page.evaluate(() =>
      Object.keys(localStorage)
        .filter((key) => key.startsWith('paystream.channel.'))
        .map((key) => JSON.parse(localStorage.getItem(key) ?? '') as KeptChannel & { createdAt: number }),
    );
    const newest = channels.sort((a, b) => b.createdAt - a.createdAt)[0];
    if (newest === undefined) throw new Error('the page keeps no channel');
    return newest;
  }
}

/** From here on both parts of the demo's payments exceed their dust limits: the provider's 30 % of it are 300 sat. */
export const enoughForBothSat = 1_000;

/** What the closing transaction of a channel that has paid `enoughForBothSat` must pay, to whom, in order. */
export function closingOutputs(channel: KeptChannel): { script: string; sat: bigint }[] {
  const paid = BigInt(channel.signed?.paidSat ?? '0');
  const capacity = channel.funding.reduce((sum, output) => sum + BigInt(output.valueSat), 0n);
  const creator = (paid * BigInt(channel.terms.creator_share_bps) + 9_999n) / 10_000n;
  return [
    { script: channel.terms.provider_script, sat: paid - creator },
    { script: channel.terms.creator_script, sat: creator },
    { script: channel.terms.change_script, sat: capacity - BigInt(channel.terms.fee_sat) - paid },
  ];
}

export const outputsOf = (transaction: NodeTransaction): { script: string; sat: bigint }[] =>
  transaction.vout.map(({ value, scriptPubKey }) => ({ script: scriptPubKey.hex, sat: BigInt(Math.round(value * 100_000_000)) }));
