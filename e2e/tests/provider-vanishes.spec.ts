import { createWalletClient, http, parseAbi } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { chain, publicClient } from '../stack/ethereum.ts';
import { expect, test } from '../stack/journey.ts';
import type { Stack } from '../stack/stack.ts';
import { type NodeTransaction, outputsOf, Watching } from './watching.ts';

test('provider-vanishes: the page broadcasts the refund by itself once its height is reached', async ({ page, stack }) => {
  test.setTimeout(300_000);
  const watching = new Watching(page, stack);
  await watching.begin(5);
  const channel = await watching.channel();

  await stack.kill('streamer');
  try {
    // Another provider carries the content too: its node is the page's way to the chain now.
    await stack.start('second-streamer');
    await registerSecondStream(stack);
    await page.close();
    const reopened = await page.context().newPage();
    await reopened.goto(`${stack.record.urls.web}/#/channels`);
    const settlement = reopened.getByTestId('settlement').first();
    await expect(settlement).toHaveAttribute('data-outcome', 'running');

    await test.step('nothing is broadcast before the height', async () => {
      await mineTo(stack, channel.terms.expiry_height - 1);
      const funding = channel.funding[0];
      expect(await stack.bitcoin.call('gettxout', funding?.txid, funding?.vout, true)).not.toBeNull();
    });

    await mineTo(stack, channel.terms.expiry_height);
    await expect(settlement).toHaveAttribute('data-outcome', 'refunded', { timeout: 60_000 });
    await expect(settlement.getByTestId('settlement-state')).toHaveText('Refunded and confirmed', { timeout: 60_000 });

    const txid = (await settlement.getByTestId('closing-txid').textContent())?.match(/[0-9a-f]{64}/)?.[0];
    const refund = await stack.bitcoin.call<NodeTransaction>('getrawtransaction', txid, true);
    expect(refund.confirmations).toBeGreaterThanOrEqual(1);
    expect(refund.vin.map(({ txid, vout }) => ({ txid, vout }))).toEqual(channel.funding.map(({ txid, vout }) => ({ txid, vout })));
    const [output, ...others] = outputsOf(refund);
    expect(others).toEqual([]);
    expect(output?.script).toBe(channel.terms.change_script);
    const capacity = channel.funding.reduce((sum, { valueSat }) => sum + BigInt(valueSat), 0n);
    expect(output?.sat).toBeLessThan(capacity);
    expect(output?.sat).toBeGreaterThan(capacity - 2_000n);
  } finally {
    if (await stack.isRunning('second-streamer')) await stack.stop('second-streamer');
    if (!(await stack.isRunning('streamer'))) await stack.start('streamer');
    await stack.waitUntilLive();
  }
});

async function registerSecondStream(stack: Stack): Promise<void> {
  const { urls, deployment, accounts, content } = stack.record;
  const account = privateKeyToAccount(accounts.secondProvider.privateKey);
  const wallet = createWalletClient({ account, chain: chain(urls.ethereum), transport: http(urls.ethereum) });
  const hash = await wallet.writeContract({
    address: deployment.registry,
    abi: parseAbi(['function registerStream(bytes32 contentId, string url)']),
    functionName: 'registerStream',
    args: [content.contentId, urls.secondStreamer],
  });
  await publicClient(urls.ethereum).waitForTransactionReceipt({ hash });
  await expect
    .poll(async () => (await fetch(`${urls.indexer}/v1/contents/${content.contentId}/streams`)).text(), { timeout: 20_000 })
    .toContain(urls.secondStreamer);
}

/** Mines until the tip is at `height`. */
async function mineTo(stack: Stack, height: number): Promise<void> {
  const missing = height - (await stack.bitcoin.call<number>('getblockcount'));
  if (missing > 0) await stack.bitcoin.call('generatetoaddress', missing, stack.record.bitcoin.payouts.creator.address);
  expect(await stack.bitcoin.call<number>('getblockcount')).toBeGreaterThanOrEqual(height);
}
