/** What the viewer checks before it funds a channel and before it signs. */
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from './bytes.ts';
import { codeOf, fundingOf, providerSecret, scripts, termsWith, viewerSecret } from './fixture.ts';
import { funding } from './funding.ts';
import { signPayment, verifyPayment } from './payment.ts';
import { signRefund } from './refund.ts';
import { addressOfScript, dustLimit, scriptOfAddress } from './script.ts';
import { publicKeyOf, sign, verifies } from './signature.ts';
import { type Agreement, checkTerms, type TermsJson } from './terms.ts';

const agreement: Agreement = {
  contentId: `0x${'c0'.repeat(32)}`,
  viewerKey: publicKeyOf(viewerSecret),
  changeScript: fromHex('script', `0014${'a1'.repeat(20)}`),
  offer: {
    network: 'regtest',
    msatPerSecond: 20_000n,
    creatorShareBps: 9_000,
    creatorScript: `0014${'c1'.repeat(20)}`,
    providerScript: `0014${'b1'.repeat(20)}`,
    feeSat: 316n,
  },
  tip: 200,
};

describe('the terms of a channel', () => {
  test('that are what was agreed are taken', () => {
    expect(codeOf(() => checkTerms(termsWith(), agreement))).toBe('accepted');
  });

  const changes: readonly Partial<TermsJson>[] = [
    { content_id: `0x${'c1'.repeat(32)}` },
    { viewer_key: toHex(publicKeyOf(fromHex('secret', '33'.repeat(32)))) },
    { change_script: scripts.p2wpkh },
    { network: 'signet' },
    { msat_per_second: '20001' },
    { creator_share_bps: 8_999 },
    { creator_script: scripts.p2wpkh },
    { provider_script: scripts.p2wpkh },
    { fee_sat: '317' },
    { expiry_height: 200 + 143 },
    { expiry_height: 200 + 2017 },
  ];
  test.each(changes)('that differ are refused: %o', (change) => {
    expect(codeOf(() => checkTerms(termsWith(change), agreement))).toBe('terms_differ');
  });

  test.each([144, 2016])('may expire %i blocks ahead', (ahead) => {
    expect(codeOf(() => checkTerms(termsWith({ expiry_height: 200 + ahead }), agreement))).toBe('accepted');
  });

  test.each<[string, unknown]>([
    ['fee_sat', '0316'],
    ['fee_sat', '18446744073709551616'],
    ['viewer_key', `02${'00'.repeat(32)}`],
    ['content_id', 'c0'.repeat(32)],
    ['provider_script', 'zz'],
    ['expiry_height', 388.5],
    ['network', 'toString'],
  ])('with a malformed %s (%s) are refused', (field, value) => {
    expect(codeOf(() => termsWith({ [field]: value } as Partial<TermsJson>))).toBe('malformed');
  });
});

describe('a funding', () => {
  test('is ordered by the transaction id as serialised', () => {
    const first = { txid: `${'ff'.repeat(31)}01`, vout: 0, valueSat: 1n };
    const second = { txid: `${'00'.repeat(31)}02`, vout: 0, valueSat: 1n };
    expect(funding([second, first]).outputs).toEqual([first, second]);
  });

  test('without outputs, with one twice or with one out of range is refused', () => {
    const output = { txid: '01'.repeat(32), vout: 0, valueSat: 1n };
    for (const outputs of [[], [output, output], [{ ...output, vout: -1 }], [{ ...output, valueSat: 1n << 60n }]]) {
      expect(codeOf(() => funding(outputs))).toBe('malformed');
    }
  });
});

describe('signatures', () => {
  test('by another key than the channel has are never made', () => {
    expect(codeOf(() => signPayment(termsWith(), fundingOf(100_000n), { sequence: 1, paidSat: 20n }, providerSecret))).toBe(
      'bad_signature',
    );
    expect(codeOf(() => signRefund(termsWith(), fundingOf(100_000n), 300n, providerSecret))).toBe('bad_signature');
  });

  test('with a high s do not verify', () => {
    const digest = new Uint8Array(32).fill(7);
    const signature = sign(digest, viewerSecret);
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const high = (order - BigInt(`0x${toHex(signature.slice(32))}`)).toString(16).padStart(64, '0');
    expect(verifies(signature, digest, publicKeyOf(viewerSecret))).toBe(true);
    expect(verifies(fromHex('signature', toHex(signature.slice(0, 32)) + high), digest, publicKeyOf(viewerSecret))).toBe(false);
    expect(verifies(new Uint8Array(64), digest, publicKeyOf(viewerSecret))).toBe(false);
  });

  test('of a payment belong to its channel', () => {
    const payment = signPayment(termsWith(), fundingOf(100_000n), { sequence: 1, paidSat: 20n }, viewerSecret);
    const other = termsWith({ expiry_height: 389 });
    expect(codeOf(() => verifyPayment(other, fundingOf(100_000n), payment))).toBe('wrong_channel');
    expect(codeOf(() => verifyPayment(termsWith(), fundingOf(100_000n), { ...payment, signatures: [] }))).toBe('malformed');
  });
});

describe('addresses', () => {
  test.each(Object.entries(scripts))('of %s go there and back on every network', (_, script) => {
    for (const network of ['bitcoin', 'testnet4', 'signet', 'regtest'] as const) {
      const bytes = fromHex('script', script);
      expect(toHex(scriptOfAddress(addressOfScript(bytes, network), network))).toBe(script);
    }
  });

  test('of another network are refused', () => {
    const address = addressOfScript(fromHex('script', scripts.p2wpkh), 'bitcoin');
    expect(codeOf(() => scriptOfAddress(address, 'regtest'))).toBe('unsupported_script');
    expect(codeOf(() => scriptOfAddress('nonsense', 'regtest'))).toBe('unsupported_script');
  });

  test('have the dust limits of Bitcoin Core', () => {
    const limits = Object.values(scripts).map((script) => dustLimit(fromHex('script', script)));
    expect(limits).toEqual([546n, 540n, 294n, 330n, 330n]);
  });
});
