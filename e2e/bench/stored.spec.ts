/** How long a viewer waits for a picture of stored video: after a click on its card, and after a seek beyond what has been read. */
import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from '@playwright/test';
import { expect, test } from '../stack/journey.ts';
import { footagePath } from '../stack/seed.ts';
import { root } from '../stack/tools.ts';
import { openAs, uploadAndRegister } from '../tests/stored.ts';
import { Watching } from '../tests/watching.ts';

/** The real footage, again and again. */
const seconds = 60;
/** So little is read ahead that every place of a round is beyond it. */
const aheadS = 5;
/** Where each round seeks, in seconds. */
const places = [20, 50, 35];

test('click to first frame, and seek to next frame', async ({ browser, stack }, testInfo) => {
  test.setTimeout(900_000);
  const file = testInfo.outputPath('footage.mp4');
  const cut = ['-v', 'error', '-y', '-stream_loop', '-1', '-t', `${seconds}`, '-i', join(root, footagePath), '-c', 'copy', file];
  await promisify(execFile)(process.env.FFMPEG ?? 'ffmpeg', cut);
  const studio = await openAs(browser, stack, 'Creator', '#/studio');
  const terms = { title: 'A rabbit, timed', satPerMinute: '2400', perView: '0.25', sharePercent: '80' };
  const contentId = await uploadAndRegister(studio, stack, file, terms);
  await studio.context().close();

  const page = await (await browser.newContext()).newPage();
  await page.addInitScript((ahead) => localStorage.setItem('paystream.buffer-ahead', ahead), `${aheadS}`);
  const watching = new Watching(page, stack);
  await watching.fund(contentId, 10);
  await watching.reaches('stored-time', 1_000);

  const clicks: number[] = [];
  const seeks: number[] = [];
  for (const place of places) {
    // Back to the catalogue: the session ends, and the channel stays open.
    await page.goto(`${stack.record.urls.web}/#/`);
    const card = page.getByTestId('content-card').filter({ hasText: terms.title });
    await expect(card).toBeVisible();
    await expect(watching.at('player')).toHaveCount(0);
    clicks.push(await clickToFrame(page, () => card.click()));
    await watching.reaches('stored-time', 1_000);
    seeks.push(await seekToFrame(page, place, () => watching.at('stored-seek').fill(`${place}`)));
    await watching.reaches('stored-time', place * 1_000);
  }
  row('click on a video to its first frame', clicks);
  row('seek beyond the buffer to the next frame', seeks);
});

/** Milliseconds from a click to the first frame that the player has measured. */
async function clickToFrame(page: Page, click: () => Promise<void>): Promise<number> {
  await page.evaluate(() => {
    performance.clearMeasures('paystream.first-frame');
    document.addEventListener('click', () => performance.mark('bench.begin'), { capture: true, once: true });
  });
  await click();
  const took = await page.waitForFunction(() => {
    const begin = performance.getEntriesByName('bench.begin', 'mark').at(-1);
    const frame = performance.getEntriesByName('paystream.first-frame', 'measure').at(-1);
    return begin === undefined || frame === undefined ? null : frame.startTime + frame.duration - begin.startTime;
  });
  return Number(await took.jsonValue());
}

/** Milliseconds from the seek bar's change to the first frame of the place that was sought. */
async function seekToFrame(page: Page, place: number, seek: () => Promise<void>): Promise<number> {
  await page.evaluate((place) => {
    performance.clearMeasures('bench.sought');
    const video = document.querySelector('video');
    const look: VideoFrameRequestCallback = (_now, { mediaTime }) => {
      if (Math.abs(mediaTime - place) < 1) performance.measure('bench.sought', 'bench.begin');
      else video?.requestVideoFrameCallback(look);
    };
    const onInput = (): void => {
      performance.mark('bench.begin');
      video?.requestVideoFrameCallback(look);
    };
    document.addEventListener('input', onInput, { capture: true, once: true });
  }, place);
  await seek();
  const took = await page.waitForFunction(() => performance.getEntriesByName('bench.sought', 'measure').at(-1)?.duration ?? null);
  return Number(await took.jsonValue());
}

function row(figure: string, milliseconds: readonly number[]): void {
  const median = [...milliseconds].sort((a, b) => a - b)[Math.floor(milliseconds.length / 2)] ?? Number.NaN;
  const cells = [figure, `${Math.round(median)} ms`, '', '', '< 1 s', median < 1_000 ? 'yes' : 'no'];
  console.log(`  ${cells.join(' | ')} (${milliseconds.map(Math.round).join(', ')} ms)`);
  const rows = process.env.PAYSTREAM_BENCH_ROWS;
  if (rows !== undefined) appendFileSync(rows, `${cells.join('\t')}\n`);
}
