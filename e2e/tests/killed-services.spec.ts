import { expect, test } from '../stack/journey.ts';
import { closingOutputs, type NodeTransaction, outputsOf, Watching } from './watching.ts';

test('a streamer killed in mid-session loses no acknowledged payment, and the viewer goes on', async ({ page, stack }) => {
  test.setTimeout(300_000);
  const watching = new Watching(page, stack);
  await watching.begin(5);
  await watching.risesBy('paid-sat', 60);
  const { channelId } = await watching.channel();

  await stack.kill('streamer');
  const acknowledged = await watching.value('paid-sat');
  await stack.start('streamer');
  const kept = (await (await fetch(`${stack.record.urls.streamer}/v1/channels/${channelId}`)).json()) as {
    paid_sat: string;
    state: string;
  };
  expect(kept.state).toBe('open');
  expect(Number(kept.paid_sat)).toBeGreaterThanOrEqual(acknowledged);

  await stack.waitUntilLive();
  await expect(watching.at('session-state')).toHaveText('Playing', { timeout: 90_000 });
  await watching.risesBy('paid-sat', 60, 60_000);
  await watching.risesBy('frames-decoded', 24, 60_000);

  await watching.paysEnoughForBoth();
  await watching.leave();
  const channel = await watching.channel();
  const txid = (await watching.at('closing-txid').textContent())?.match(/[0-9a-f]{64}/)?.[0];
  const closing = await stack.bitcoin.call<NodeTransaction>('getrawtransaction', txid, true);
  expect(outputsOf(closing)).toEqual(closingOutputs(channel));
});

test('an indexer killed and started again serves each row once', async ({ stack }) => {
  const { indexer } = stack.record.urls;
  const read = async (path: string): Promise<{ items: unknown[] }> => {
    const response = await fetch(`${indexer}${path}`);
    expect(response.status).toBe(200);
    return (await response.json()) as { items: unknown[] };
  };
  const streams = `/v1/contents/${stack.record.content.contentId}/streams`;
  const [contents, carried] = [(await read('/v1/contents')).items.length, (await read(streams)).items.length];
  expect(contents).toBeGreaterThanOrEqual(1);
  await stack.kill('indexer');
  await stack.start('indexer');
  expect((await read('/v1/contents')).items.length).toBe(contents);
  expect((await read(streams)).items.length).toBe(carried);
});
