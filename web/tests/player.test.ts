/** A stored video in a real browser, from a gateway that speaks CAR: it plays, is sought in, and stops when a block is not what it should be. */
import type { BrowserContext, Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Built, buildAndLaunch, faultsAtBothSizes, wide } from './page/browser.ts';
import { Film, filmMs, stretch } from './page/film.ts';
import { Meter } from './page/meter.ts';
import { change, contentId, rate, Surroundings } from './page/surroundings.ts';

let built: Built;
let context: BrowserContext;
let page: Page;
let around: Surroundings;
let film: Film;
let usualFilm: Film;

beforeAll(async () => {
  built = await buildAndLaunch(['--autoplay-policy=no-user-gesture-required']);
  usualFilm = await Film.prepare(built.folder);
}, 240_000);

afterAll(async () => {
  await built?.close();
});

beforeEach(async () => {
  around = new Surroundings(built.dist);
  film = usualFilm;
  film.reset();
  around.film = film;
  await around.listen();
  context = await built.browser.newContext({ viewport: wide, reducedMotion: 'reduce' });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
});

afterEach(async () => {
  await context.close();
  around.close();
});

const at = (testId: string) => page.getByTestId(testId);
const value = async (testId: string): Promise<number> => Number(await at(testId).getAttribute('data-value'));
const open = () => page.goto(`${around.url}/#/content/${contentId}`);
const measured = (name: string) =>
  page.evaluate((entry) => performance.getEntriesByName(entry, 'measure').map(({ duration }) => Math.round(duration)), name);
/** Vitest's own patience is one second. */
const soon = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 15_000 });
const seekTo = (seconds: number) => at('stored-seek').fill(String(seconds));

/** Of the server's log: bytes that were asked for more than once. */
function askedTwice(): number {
  const leaf = 262_144;
  const counts = new Map<number, number>();
  for (const { from, to } of film.requests) {
    for (let index = Math.floor(from / leaf); index <= Math.floor(to / leaf); index += 1) counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return [...counts.values()].filter((count) => count > 1).length;
}

describe('a stored video', { timeout: 120_000 }, () => {
  test('that is free plays at once, is sought in by mouse and key, and says what was checked', async () => {
    await open();
    await soon(() => value('stored-time')).toBeGreaterThan(500);
    await soon(() => measured('paystream.first-frame')).toHaveLength(1);
    await at('verified-badge').locator('summary').click();
    await soon(() => value('verified-blocks')).toBeGreaterThan(3);
    expect(await at('verified-badge').textContent()).toContain(film.cid);
    expect(await page.getByText('Off air').count()).toBe(0);

    await seekTo(45);
    await soon(() => value('stored-time')).toBeGreaterThan(45_200);
    await soon(() => measured('paystream.seek-frame')).toHaveLength(1);
    await at('stored-seek').press('Home');
    await soon(() => value('stored-time')).toBeLessThan(10_000);
    await at('stored-seek').press('ArrowRight');
    await soon(() => value('stored-time')).toBeGreaterThan(5_000);
    expect(await faultsAtBothSizes(page, 'stored-playing')).toEqual([]);
  });

  test('plays on while the indexer is away', async () => {
    await open();
    await soon(() => value('stored-time')).toBeGreaterThan(500);
    let refused = 0;
    await page.route(`**/indexer/v1/contents/${contentId}`, (route) => {
      refused += 1;
      return route.abort();
    });
    // Once, and twice more before it counts as failed.
    await expect.poll(() => refused, { timeout: 40_000 }).toBeGreaterThan(3);
    const before = await value('stored-time');
    expect(before).toBeGreaterThan(500);
    await soon(() => value('stored-time')).toBeGreaterThan(before + 500);
    expect(await at('problem').count()).toBe(0);
  });

  test('stays with its provider when that leaves the list', async () => {
    await open();
    await soon(() => value('stored-time')).toBeGreaterThan(500);
    const other = { provider: `0x${'cd'.repeat(20)}`, url: `${around.url}/elsewhere`, liveness: 'offline', viewers: null };
    let asked = 0;
    await page.route(`**/indexer/v1/contents/${contentId}/streams`, (route) => {
      asked += 1;
      return route.fulfill({ json: { items: [other], next_cursor: null } });
    });
    await expect.poll(() => asked, { timeout: 40_000 }).toBeGreaterThan(1);
    const before = await value('stored-time');
    expect(before).toBeGreaterThan(5_000);
    await soon(() => value('stored-time')).toBeGreaterThan(before + 500);
    expect(await at('problem').count()).toBe(0);
  });

  test('goes on at another provider when the first one no longer has it', async () => {
    const second = new Surroundings(built.dist);
    second.film = film;
    await second.listen();
    around.otherStreams = [{ provider: `0x${'cd'.repeat(20)}`, url: `${second.url}/provider`, liveness: 'offline', viewers: null }];
    await page.route(`${around.url}/provider/ipfs/**`, (route) =>
      route.fulfill({ status: 404, json: { code: 'not_found', detail: 'gone' } }),
    );
    try {
      await open();
      await at('stored-problem').waitFor();
      expect(await value('verified-blocks')).toBe(0);
      await at('other-provider').click();
      await soon(() => value('stored-time')).toBeGreaterThan(500);
      expect(await at('stored-problem').count()).toBe(0);
    } finally {
      second.close();
    }
  });

  test('is read no further ahead than the viewer set, and no leaf of it twice', async () => {
    await page.addInitScript(() => localStorage.setItem('paystream.buffer-ahead', '5'));
    await open();
    await soon(() => value('stored-time')).toBeGreaterThan(4_000);
    const bytesASecond = film.size / (filmMs / 1000);
    const furthest = Math.max(...film.requests.map(({ to }) => to));
    expect(furthest).toBeLessThan(bytesASecond * 16);
    expect(askedTwice()).toBe(0);
    await at('stored-settings').click();
    expect(await value('buffer-ahead')).toBe(5);
    await at('buffer-ahead').fill('60');
    await soon(() => Math.max(...film.requests.map(({ to }) => to))).toBeGreaterThan(bytesASecond * 40);
    expect(await page.evaluate(() => localStorage.getItem('paystream.buffer-ahead'))).toBe('60');
    expect(askedTwice()).toBe(0);
  });

  test('that is paused is read no further', async () => {
    await page.addInitScript(() => localStorage.setItem('paystream.buffer-ahead', '5'));
    await open();
    await soon(() => value('stored-time')).toBeGreaterThan(500);
    await at('stored-pause').click();
    await at('stored-play').waitFor();
    const before = film.requests.length;
    // A transfer under way is read to its end, and nothing follows.
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1500)));
    expect(film.requests.length).toBeLessThanOrEqual(before + 1);
  });

  test('plays to its end, and again from its begin', async () => {
    await open();
    await soon(() => value('stored-time')).toBeGreaterThan(300);
    await seekTo(58);
    await soon(() => page.evaluate(() => document.querySelector('video')?.ended)).toBe(true);
    await at('stored-play').click();
    await soon(() => value('stored-time')).toBeLessThan(30_000);
    await soon(() => value('stored-time')).toBeGreaterThan(500);
  });

  test('stops at a block that is not what its CID names, and says which and what to do', async () => {
    film.spoiltLeaf = 12;
    await open();
    await at('stored-problem').waitFor();
    expect(await at('stored-problem').getAttribute('data-kind')).toBe('damaged');
    expect(await at('stored-problem').textContent()).toContain(film.leafCids[12]);
    expect(await at('stored-problem').textContent()).toContain('choose another provider');
    expect(await value('verified-blocks')).toBeGreaterThan(0);
    expect(await at('verified-badge').getAttribute('data-outcome')).toBe('damaged');
    expect(await page.evaluate(() => document.querySelector('video')?.paused)).toBe(true);
    const before = film.requests.length;
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)));
    expect(film.requests.length).toBe(before);
  });

  test('goes on after answers that were cut off, from the leaf where they were', async () => {
    film.cutOffs = 3;
    await open();
    await soon(() => value('stored-time')).toBeGreaterThan(1_000);
    expect(film.cutOffs).toBe(0);
    expect(await at('stored-problem').count()).toBe(0);
  });

  test('whose provider goes on breaking off says so, and goes on when it is asked to', async () => {
    film.cutOffs = 1_000;
    film.cutOffAfter = 0;
    await open();
    await at('stored-problem').waitFor();
    expect(await at('stored-problem').getAttribute('data-kind')).toBe('unreachable');
    film.cutOffs = 0;
    await at('stored-retry').click();
    await soon(() => value('stored-time')).toBeGreaterThan(500);
  });

  test('that its provider no longer has says so', async () => {
    film.status = 404;
    await open();
    await at('stored-problem').waitFor();
    expect(await at('stored-problem').textContent()).toContain('no such block here');
  });

  test('in a format that the browser does not play says so before anything is read', async () => {
    const { mimeType } = film;
    film.mimeType = 'video/mp4; codecs="hvc9.nonsense"';
    await open();
    await at('stored-problem').waitFor();
    film.mimeType = mimeType;
    expect(await at('stored-problem').textContent()).toContain('hvc9.nonsense');
    expect(film.requests).toEqual([]);
  });

  test('that is paid for is offered with its duration and without a word of broadcasts', async () => {
    film.free = false;
    await open();
    await at('change-address').waitFor();
    expect(await value('stored-duration')).toBe(filmMs);
    expect(await page.locator('main').textContent()).not.toMatch(/off air|broadcast/i);
    expect(await at('watch').textContent()).toContain('Watch');
    expect(await faultsAtBothSizes(page, 'stored-offer')).toEqual([]);
  });

  test.each(['picture', 'sound'] as const)('with %s alone plays', async (tracks) => {
    around.film = await Film.prepare(built.folder, tracks);
    await open();
    await soon(() => value('stored-time')).toBeGreaterThan(500);
    await seekTo(30);
    await soon(() => value('stored-time')).toBeGreaterThan(30_200);
  });
});

describe('a stored video that is paid for', { timeout: 120_000 }, () => {
  let meter: Meter;

  async function watch(): Promise<void> {
    meter = new Meter(rate);
    film.free = false;
    film.meter = meter;
    await page.routeWebSocket(/\/v1\/session$/, (socket) => meter.attach(socket));
    await open();
    await at('change-address').fill(change.address);
    await at('watch').click();
    await at('fund').waitFor();
    around.utxos = [{ txid: '12'.repeat(32), vout: 1, value: 100_000, status: { confirmed: true, block_height: 199 } }];
    await at('meter').waitFor();
  }
  const allPaid = () => soon(() => meter.paidSat === meter.owedInAllSat && meter.paidSat > 0n).toBe(true);

  test('plays as it is paid, pays for what was checked and never for more, and for all of it', async () => {
    await watch();
    await soon(() => value('stored-time')).toBeGreaterThan(2_000);
    await soon(() => at('session-state').textContent()).toBe('Playing');
    await seekTo(40);
    await soon(() => value('stored-time')).toBeGreaterThan(41_000);
    await at('pause').click();
    await soon(() => at('session-state').textContent()).toBe('Paused');
    await allPaid();
    expect(await value('checked')).toBe(meter.deliveredMs);
    expect(BigInt(await value('paid-sat'))).toBe(meter.paidSat);
    expect(await page.evaluate(() => document.querySelector('video')?.error)).toBeNull();
    expect(meter.sessions).toBe(1);
    expect(await faultsAtBothSizes(page, 'stored-meter')).toEqual([]);
    await at('leave').click();
    await at('leave-confirm').click();
    await at('settlement').waitFor();
  });

  test('stops at a block that failed its check, and no payment for it is signed', async () => {
    film.spoiltLeaf = 9;
    await watch();
    await at('stored-problem').waitFor();
    expect(await at('stored-problem').getAttribute('data-cid')).toBe(film.leafCids[9]);
    await soon(() => at('session-state').textContent()).toContain('a block failed its check');
    const before = meter.payments.length;
    // Dues for it come each tick.
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 2_500)));
    expect(meter.payments.length).toBe(before);
    expect(meter.paidSat).toBeLessThan(meter.owedInAllSat);
    await at('leave').click();
    await at('leave-confirm').click();
    await soon(() => meter.heard.at(-1)).toBe('leave');
  });

  test('of which less was paid than Bitcoin can pay out says so when it is settled', async () => {
    film.spoiltLeaf = 1;
    await watch();
    await at('stored-problem').waitFor();
    await soon(() => value('paid-sat')).toBeGreaterThan(0);
    await at('leave').click();
    await at('leave-confirm').click();
    await soon(() => at('settlement').textContent()).toContain('What was paid is less than Bitcoin can pay out');
    expect(await value('split-creator')).toBe(0);
    expect(await value('split-provider')).toBe(0);
  });

  test.each([
    ['the first block', 0],
    ['a later one', 4],
  ])('whose index calls %s an hour is paid for that when the viewer says so, and not before', async (_name, subsegment) => {
    film = await Film.prepare(built.folder, 'both', (bytes) => stretch(bytes, subsegment, 3600));
    around.film = film;
    await watch();
    await at('stored-problem').waitFor();
    expect(await at('stored-problem').getAttribute('data-kind')).toBe('costly');
    expect(await faultsAtBothSizes(page, 'stored-costly')).toEqual([]);
    const aMinute = (rate * 60n) / 1000n;
    // Dues for it come each tick, and in the next session.
    await soon(() => meter.sessions).toBeGreaterThan(1);
    expect(meter.paidSat).toBeLessThan(aMinute);
    await soon(async () => {
      // The next block may cost more than the first that was asked about.
      if ((await at('stored-allow').count()) > 0) await at('stored-allow').click();
      return meter.paidSat > 10n * aMinute;
    }).toBe(true);
  });

  test('goes on in a new session after its line was broken', async () => {
    await page.addInitScript(() => localStorage.setItem('paystream.buffer-ahead', '5'));
    await watch();
    await soon(() => value('stored-time')).toBeGreaterThan(1_000);
    meter.breakOff();
    await soon(() => meter.sessions).toBe(2);
    const resumed = await value('stored-time');
    await soon(() => value('stored-time')).toBeGreaterThan(resumed + 7_000);
    await at('pause').click();
    await allPaid();
    expect(await at('stored-problem').count()).toBe(0);
  });
});
