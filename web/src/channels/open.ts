/** Opening a channel: a fresh key, the provider's terms checked against the offer, and all of it stored before anybody can pay. */
import { fromHex, toHex } from '../bitcoin/bytes.ts';
import { fundingAddress } from '../bitcoin/funding.ts';
import { isWitnessScript, scriptOfAddress } from '../bitcoin/script.ts';
import { newSecret, publicKeyOf } from '../bitcoin/signature.ts';
import { channelId, checkTerms, parseTerms } from '../bitcoin/terms.ts';
import { type Esplora, firstAnswer } from '../esplora/client.ts';
import type { Provider } from '../provider/client.ts';
import type { BitcoinRail } from '../provider/wire.ts';
import { type ChannelRecord, saveChannel } from './store.ts';

export async function openChannel(request: {
  readonly provider: Provider;
  readonly chain: readonly Esplora[];
  readonly contentId: string;
  readonly title: string;
  readonly rail: BitcoinRail;
  readonly amountSat: bigint;
  readonly changeAddress: string;
}): Promise<ChannelRecord> {
  const { rail } = request;
  const changeScript = changeScriptOf(request.changeAddress, rail.network);
  const secret = newSecret();
  const viewerKey = publicKeyOf(secret);
  const [view, tip] = await Promise.all([
    request.provider.openChannel({ content_id: request.contentId, viewer_key: toHex(viewerKey), change_script: toHex(changeScript) }),
    firstAnswer(request.chain, (server) => server.tipHeight()),
  ]);
  const terms = parseTerms(view.terms);
  checkTerms(terms, { contentId: request.contentId, viewerKey, changeScript, offer: rail, tip });
  if (channelId(terms) !== view.channelId || fundingAddress(terms) !== view.address) {
    throw new Error('The provider’s address is not that of the channel’s terms. Do not pay it; choose another provider.');
  }
  const record: ChannelRecord = {
    channelId: view.channelId,
    contentId: request.contentId,
    title: request.title,
    providerUrl: request.provider.url,
    terms: view.terms,
    address: view.address,
    secretKey: toHex(secret),
    createdAt: Date.now(),
    amountSat: request.amountSat,
    funding: [],
    signed: null,
    providerState: view.state,
    outcome: { kind: 'running' },
    left: false,
    dearRefund: null,
    agreedFeeSat: null,
  };
  saveChannel(record);
  return record;
}

/** Change and refunds go to a witness program of the viewer's own. */
export function changeScriptOf(address: string, network: BitcoinRail['network']): Uint8Array {
  const script = scriptOfAddress(address, network);
  if (!isWitnessScript(script)) throw new Error('Use a SegWit address (bc1…, tb1… or bcrt1…) for the money that is left over.');
  return script;
}

/** A stored record, or a recovery file, is only worth what its terms give: the id, the address and the key must all agree. */
export function checkRecord(record: ChannelRecord): ChannelRecord {
  const terms = parseTerms(record.terms);
  if (channelId(terms) !== record.channelId) throw new Error('The recovery file is damaged: its terms are not those of its channel.');
  if (fundingAddress(terms) !== record.address) throw new Error('The recovery file is damaged: its address is not that of its terms.');
  if (toHex(publicKeyOf(fromHex('secretKey', record.secretKey, 32))) !== record.terms.viewer_key) {
    throw new Error('The recovery file is damaged: its key does not belong to its channel.');
  }
  return record;
}
