import { readFileSync } from 'node:fs';
import { decode } from '@ipld/dag-pb';
import { expect, test } from '../stack/journey.ts';
import { blockFile, damage, footage, json, openAs, uploadAndRegister } from './stored.ts';
import { Watching } from './watching.ts';

test('tampered-block: one bit flipped in the provider’s store stops the page, which says why and pays nothing for it', async ({
  browser,
  stack,
}, testInfo) => {
  test.setTimeout(420_000);
  const { urls } = stack.record;
  const studio = await openAs(browser, stack, 'Creator', '#/studio');
  const file = await footage(testInfo, 30);
  const terms = { title: 'A rabbit, damaged', satPerMinute: '2400', perView: '0.25', sharePercent: '80' };
  const contentId = await uploadAndRegister(studio, stack, file, terms);
  await studio.context().close();
  const { cid } = await json<{ cid: string }>(`${urls.indexer}/v1/contents/${contentId}`);
  const root = decode(readFileSync(blockFile(stack.record.dataDir, 'streamer', cid)));
  const links = root.Links.map(({ Hash }) => `${Hash}`);
  const target = links[Math.floor(links.length / 2)];
  if (target === undefined) throw new Error('the video has no leaves');
  damage(blockFile(stack.record.dataDir, 'streamer', target));

  const page = await (await browser.newContext()).newPage();
  const watching = new Watching(page, stack);
  await watching.fund(contentId, 5);
  await expect(watching.at('stored-problem')).toBeVisible({ timeout: 90_000 });
  await page.screenshot({ path: testInfo.outputPath('tampered.png') });
  const [paid, checked] = [await watching.value('paid-sat'), await watching.value('checked')];
  expect(checked).toBeGreaterThan(0);
  expect(paid).toBeLessThanOrEqual(Math.ceil((checked * 40) / 1_000));
  await watching.comesToRest('paid-sat', 3_000);
  // The leaves before the damaged one are half of the video; nothing beyond them was paid for.
  expect(await watching.value('checked')).toBeLessThan(20_000);
  expect((await watching.channel()).signed?.paidSat).toBe(`${paid}`);
});
