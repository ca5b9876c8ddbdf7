import { parseEther } from 'viem';
import { expect, test } from '../stack/journey.ts';
import type { Stack } from '../stack/stack.ts';
import { json, openAs } from './stored.ts';
import { Watching } from './watching.ts';

const title = 'A morning at the harbour';
const priceWei = parseEther('0.003');
/** 66.67 % of the price, rounded up. */
const creatorWei = (priceWei * 6_667n + 9_999n) / 10_000n;

test('register-view-claim: a wallet registers content, a view is paid, provider and creator claim, the API shows each amount', async ({
  browser,
  stack,
}) => {
  test.setTimeout(240_000);
  const { accounts, urls } = stack.record;
  const before = { creator: await earnings(stack, accounts.creator.address), provider: await earnings(stack, accounts.provider.address) };

  const studio = await openAs(browser, stack, 'Creator', '#/studio');
  await studio.getByTestId('stream-title').fill(title);
  await studio.getByTestId('terms-per-view').fill('0.003');
  await studio.getByTestId('terms-share').fill('66.67');
  await studio.getByTestId('streamer-url').first().fill(urls.streamer);
  await studio.getByTestId('register-stream').click();
  await expect(studio.getByTestId('registered')).toBeVisible({ timeout: 30_000 });
  await expect(studio.getByTestId('own-contents')).toContainText(title);

  const contentId = await test.step('the API shows it', async () => {
    const listed = await json<{ items: { content_id: string; name: string; active: boolean; terms: { creator_share_bps: number } }[] }>(
      `${urls.indexer}/v1/contents?creator=${accounts.creator.address}`,
    );
    const content = listed.items.find(({ name }) => name === title);
    expect(content).toMatchObject({ active: true, terms: { creator_share_bps: 6_667, price_per_view: `${priceWei}` } });
    return content?.content_id ?? '';
  });

  await test.step('the creator goes live from a camera, and the provider registers its stream', async () => {
    await studio.getByTestId('use-camera').click();
    await studio.getByTestId('go-live-content').selectOption(contentId);
    await studio.getByTestId('go-live').click();
    await expect(studio.getByTestId('broadcast-state')).toContainText('On air', { timeout: 30_000 });
    await expect
      .poll(() => json(`${urls.indexer}/v1/contents/${contentId}/streams`), { timeout: 40_000 })
      .toMatchObject({ items: [{ provider: accounts.provider.address.toLowerCase(), liveness: 'live' }] });
  });

  const watch = await openAs(browser, stack, 'Viewer', `#/content/${contentId}`);
  await watch.getByTestId('buy-view').click();
  await expect(watch.getByTestId('view-count')).toHaveAttribute('data-value', '1', { timeout: 40_000 });
  expect(await json(`${urls.indexer}/v1/contents/${contentId}/views`)).toMatchObject({
    items: [
      {
        viewer: accounts.viewer.address.toLowerCase(),
        provider: accounts.provider.address.toLowerCase(),
        price: `${priceWei}`,
        creator_amount: `${creatorWei}`,
        provider_amount: `${priceWei - creatorWei}`,
      },
    ],
  });

  await test.step('the bought view opens the live stream, without a channel', async () => {
    await expect(watch.getByTestId('live-open')).toHaveAttribute('data-state', 'connected', { timeout: 60_000 });
    await new Watching(watch, stack).risesBy('frames-decoded', 24);
    expect(await watch.getByTestId('meter').count()).toBe(0);
  });

  for (const [name, role, share] of [
    ['Creator', 'creator', creatorWei],
    ['Provider', 'provider', priceWei - creatorWei],
  ] as const) {
    await test.step(`${name} claims`, async () => {
      const page = await openAs(browser, stack, name, '#/earnings');
      const unclaimed = before[role].unclaimed + share;
      await expect(page.getByTestId('claimable')).toHaveAttribute('data-value', `${unclaimed}`, { timeout: 30_000 });
      await page.getByTestId('claim').click();
      await expect(page.getByTestId('claimable')).toHaveAttribute('data-value', '0', { timeout: 30_000 });
      await expect
        .poll(() => earnings(stack, accounts[role].address), { timeout: 20_000 })
        .toEqual({ earned: before[role].earned + share, claimed: before[role].claimed + unclaimed, unclaimed: 0n });
      await page.close();
    });
  }

  await studio.getByTestId('stop-live').click();
  await expect(studio.getByTestId('broadcast-state')).toContainText('Not on air');
});

async function earnings(stack: Stack, account: string): Promise<{ earned: bigint; claimed: bigint; unclaimed: bigint }> {
  const { tokens } = await json<{ tokens: { earned_total: string; claimed_total: string; unclaimed: string }[] }>(
    `${stack.record.urls.indexer}/v1/accounts/${account}/earnings`,
  );
  const ether = tokens[0] ?? { earned_total: '0', claimed_total: '0', unclaimed: '0' };
  return { earned: BigInt(ether.earned_total), claimed: BigInt(ether.claimed_total), unclaimed: BigInt(ether.unclaimed) };
}
