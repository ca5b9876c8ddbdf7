import { readFileSync } from 'node:fs';
import { decode } from '@ipld/dag-pb';
import { expect, test } from '../stack/journey.ts';
import { lyingProxy } from './lying-proxy.ts';
import { blockFile, footage, json, openAs, uploadAndRegister } from './stored.ts';
import { Watching } from './watching.ts';

test('lying-provider: a block that is altered on its way is never played and never paid for', async ({ browser, stack }, testInfo) => {
  test.setTimeout(420_000);
  const { urls } = stack.record;
  const studio = await openAs(browser, stack, 'Creator', '#/studio');
  const file = await footage(testInfo, 30);
  const terms = { title: 'A rabbit, altered', satPerMinute: '2400', perView: '0.25', sharePercent: '80' };
  const contentId = await uploadAndRegister(studio, stack, file, terms);
  await studio.context().close();
  const { cid } = await json<{ cid: string }>(`${urls.indexer}/v1/contents/${contentId}`);
  const links = decode(readFileSync(blockFile(stack.record.dataDir, 'streamer', cid))).Links;
  const target = links[Math.floor(links.length / 2)]?.Hash;
  if (target === undefined) throw new Error('the video has no leaves');

  const proxy = await lyingProxy(urls.streamer, target);
  const context = await browser.newContext({ proxy: { server: proxy.url } });
  try {
    const watching = new Watching(await context.newPage(), stack);
    await watching.fund(contentId, 5);
    const problem = watching.at('stored-problem');
    await expect(problem).toBeVisible({ timeout: 90_000 });
    await watching.page.screenshot({ path: testInfo.outputPath('altered.png') });
    await expect(problem).toHaveAttribute('data-kind', 'damaged');
    await expect(problem).toHaveAttribute('data-cid', `${target}`);
    expect(proxy.lies()).toBeGreaterThan(0);
    // What was signed pays for the leaves that were checked before, and for nothing beyond them.
    await watching.comesToRest('paid-sat', 3_000);
    const [paid, checked] = [await watching.value('paid-sat'), await watching.value('checked')];
    expect(checked).toBeGreaterThan(0);
    expect(checked).toBeLessThan(20_000);
    expect(paid).toBeLessThanOrEqual(Math.ceil((checked * 40) / 1_000));
    expect((await watching.channel()).signed?.paidSat).toBe(`${paid}`);
  } finally {
    await context.close();
    await proxy.stop();
  }
});
