import { expect, test } from '../stack/journey.ts';
import { type NodeTransaction, outputsOf, Watching } from './watching.ts';

test('a channel that has paid nothing is given back at once when the viewer leaves', async ({ page, stack }) => {
  test.setTimeout(240_000);
  const watching = new Watching(page, stack);
  const { urls, content } = stack.record;
  await stack.stop('publisher');
  try {
    await page.goto(`${urls.web}/#/content/${content.contentId}`);
    await expect(watching.at('off-air-warning')).toBeVisible({ timeout: 60_000 });
    await watching.at('off-air-accept').check();
    await watching.at('watch').click();
    await watching.at('faucet').click();
    await expect(watching.at('leave')).toBeVisible({ timeout: 60_000 });

    await watching.leave();
    const channel = await watching.channel();
    const txid = (await watching.at('closing-txid').textContent())?.match(/[0-9a-f]{64}/)?.[0];
    const closing = await stack.bitcoin.call<NodeTransaction>('getrawtransaction', txid, true);
    const capacity = channel.funding.reduce((sum, { valueSat }) => sum + BigInt(valueSat), 0n);
    expect(outputsOf(closing)).toEqual([{ script: channel.terms.change_script, sat: capacity - BigInt(channel.terms.fee_sat) }]);
  } finally {
    await stack.start('publisher');
    await stack.waitUntilLive();
  }
});
