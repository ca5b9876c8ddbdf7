import { expect, test } from '../stack/journey.ts';
import { closingOutputs, type NodeTransaction, outputsOf, Watching } from './watching.ts';

test('first-paid-second: video plays while payments rise, stops with them, and the last payment settles on Bitcoin', async ({
  page,
  stack,
}) => {
  test.setTimeout(420_000);
  const watching = new Watching(page, stack);
  await watching.begin(15);

  await test.step('it plays while signed payments rise', async () => {
    const [frames, paid] = [await watching.value('frames-decoded'), await watching.value('paid-sat')];
    await watching.risesBy('paid-sat', 100);
    await watching.risesBy('frames-decoded', 48);
    expect(await watching.value('frames-decoded')).toBeGreaterThan(frames);
    expect(await watching.value('paid-sat')).toBeGreaterThan(paid);
    await page.screenshot({ path: test.info().outputPath('watch-desktop.png') });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: test.info().outputPath('watch-phone.png') });
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  await test.step('it stops when payment stops, and nothing is paid or decoded meanwhile', async () => {
    await watching.at('pause').click();
    const stoppedAfterMs = await watching.comesToRest('frames-decoded', 2_500);
    // Up to two ticks are paid in advance; the panel reads the browser's counters twice a second.
    expect(stoppedAfterMs).toBeLessThan(4_000);
    const [frames, paid] = [await watching.value('frames-decoded'), await watching.value('paid-sat')];
    await watching.comesToRest('paid-sat', 2_500);
    expect(await watching.value('paid-sat')).toBe(paid);
    expect(await watching.value('frames-decoded')).toBe(frames);
    await expect(watching.at('session-state')).toContainText('Paused');
  });

  await test.step('it resumes when payment resumes', async () => {
    await watching.at('resume').click();
    await watching.plays();
    await watching.risesBy('paid-sat', 40);
  });

  await test.step('on leaving, the last signed payment confirms with the creator’s share inside', async () => {
    await watching.paysEnoughForBoth();
    await watching.leave();
    const channel = await watching.channel();
    const { payouts } = stack.record.bitcoin;
    expect(channel.terms.creator_share_bps).toBe(7_000);
    expect(channel.terms.creator_script).toBe(payouts.creator.script);
    expect(channel.terms.provider_script).toBe(payouts.provider.script);
    const txid = (await watching.at('closing-txid').textContent())?.match(/[0-9a-f]{64}/)?.[0];
    const closing = await stack.bitcoin.call<NodeTransaction>('getrawtransaction', txid, true);
    expect(closing.confirmations).toBeGreaterThanOrEqual(1);
    expect(closing.version).toBe(3);
    expect(closing.vin.map(({ txid, vout }) => ({ txid, vout }))).toEqual(channel.funding.map(({ txid, vout }) => ({ txid, vout })));
    expect(outputsOf(closing)).toEqual(closingOutputs(channel));
    for (const [party, index] of [
      ['provider', 0],
      ['creator', 1],
      ['change', 2],
    ] as const) {
      expect(BigInt(await watching.value(`split-${party}`))).toBe(outputsOf(closing)[index]?.sat);
    }
  });
});
