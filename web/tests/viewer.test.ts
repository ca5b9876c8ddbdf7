/** The viewer's side: views bought on Ethereum, and the programme. */
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';
import { encodeAbiParameters, type Hex, recoverTypedDataAddress, toFunctionSelector } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { viewRecorded } from '../src/views/fixture.ts';
import { expectedSeparator } from '../src/views/payment.ts';
import { type Built, buildAndLaunch, faultsAtBothSizes } from './page/browser.ts';
import { problem } from './page/library.ts';
import { account, chainId, contentId } from './page/surroundings.ts';
import { connect, eventually, leave, token, type Visit, visit } from './page/visit.ts';

let built: Built;
let here: Visit;
let page: Visit['page'];
let around: Visit['around'];
let library: Visit['library'];
let wallet: Visit['wallet'];

beforeAll(async () => {
  built = await buildAndLaunch();
}, 180_000);
afterAll(async () => built?.close());

beforeEach(async () => {
  here = await visit(built);
  ({ page, around, library, wallet } = here);
});
afterEach(() => leave(here));

const at = (testId: string) => page.getByTestId(testId);
const text = (testId: string) => at(testId).textContent();
/** As the indexer lists a view of the wallet's account. */
const viewOf = (hoursAgo: number) => ({
  viewer: wallet.account.address.toLowerCase(),
  provider: account,
  timestamp: new Date(Date.now() - hoursAgo * 3_600_000).toISOString(),
});
/** How often the provider was. */
const asked = (request: string) => library.requests.filter((entry) => entry === request).length;
const connected = (hash: string) => connect(here, hash);
/** What the browser keeps of the payment that a wallet was asked for. */
const remembered = () =>
  page.evaluate(() =>
    Object.entries(localStorage)
      .filter(([key]) => key.startsWith('paystream.sent-view'))
      .map(([, value]) => String(value))
      .join(),
  );

describe('a view bought with ether', { timeout: 120_000 }, () => {
  test('is sent, and opened by a signature', async () => {
    library.viewFound = true;
    await connected(`#/content/${contentId}`);
    await at('buy-view').click();
    await at('view-open').waitFor();
    const sent = wallet.asked.find(({ method }) => method === 'eth_sendTransaction')?.params[0] as { data: Hex; value: Hex };
    expect(BigInt(sent.value)).toBe(10n ** 15n);
    expect(wallet.count('personal_sign')).toBe(1);
  });

  test('that is still open is opened, and not paid for again', async () => {
    around.views = [viewOf(23)];
    library.viewFound = true;
    await connected(`#/content/${contentId}`);
    await at('buy-view').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(0);
    expect(wallet.count('personal_sign')).toBe(1);
  });

  test('is not paid for again when any number of others have bought one since', async () => {
    const others = Array.from({ length: 300 }, () => ({ ...viewOf(1), viewer: account }));
    [around.views, library.viewFound] = [[...others, viewOf(23)], true];
    await connected(`#/content/${contentId}`);
    await at('buy-view').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(0);
  });

  test('a day ago, or from another provider, is bought anew', async () => {
    around.views = [viewOf(25), { ...viewOf(1), provider: `0x${'cd'.repeat(20)}` }, { ...viewOf(1), viewer: account }];
    library.viewFound = true;
    await connected(`#/content/${contentId}`);
    await at('buy-view').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(1);
  });

  test('is not paid for again after a reload that comes before its block, whatever the indexer knows', async () => {
    [library.viewFound, around.mined] = [true, false];
    await connected(`#/content/${contentId}`);
    await at('buy-view').click();
    await eventually(remembered).toContain(`0x${'7a'.repeat(32)}`);
    await page.reload();
    await at('view-unfinished').waitFor();
    expect(await text('buy-view')).toBe('Go on with the payment');
    await at('buy-view').click();
    await eventually(() => text('problem')).toContain('does not know yet of the payment');
    around.mined = true;
    await at('buy-view').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(1);
  });

  test('is not paid for again while the wallet speeds it up under another hash', async () => {
    [library.viewFound, around.mined] = [true, false];
    await connected(`#/content/${contentId}`);
    await at('buy-view').click();
    await eventually(remembered).toContain(`0x${'7a'.repeat(32)}`);
    await page.reload();
    around.transactions = { known: 2, mined: 1 };
    await at('buy-view').click();
    await eventually(() => text('problem')).toContain('not in a block yet');
    around.transactions = { known: 2, mined: 2 };
    const provider = account as Hex;
    around.logs = [viewRecorded({ splitter: provider, contentId: contentId as Hex, provider, account: wallet.account.address })];
    await at('buy-view').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(1);
  });

  test('that the wallet was asked for before a reload is asked for again only by the person', async () => {
    [library.viewFound, wallet.waits] = [true, true];
    await connected(`#/content/${contentId}`);
    await at('buy-view').click();
    await eventually(() => wallet.count('eth_sendTransaction')).toBe(1);
    await page.reload();
    await eventually(() => text('view-unfinished')).toContain('did not reach this page');
    wallet.waits = false;
    // Dialogs that nobody answers are dismissed.
    await at('buy-view').click();
    await eventually(() => at('buy-view').getAttribute('aria-busy')).toBe('false');
    expect(wallet.count('eth_sendTransaction')).toBe(1);
    page.once('dialog', (dialog) => void dialog.accept());
    await at('buy-view').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(2);
  });

  test('that its person has gone away from is not bought behind their back', async () => {
    library.viewFound = true;
    let answer = (): void => undefined;
    around.viewsHeld = new Promise((resolve) => {
      answer = resolve;
    });
    await connected(`#/content/${contentId}`);
    const looking = page.waitForRequest((request) => new URL(request.url()).searchParams.has('viewer'));
    await at('buy-view').click();
    await looking;
    await page.evaluate(() => {
      location.hash = '#/';
    });
    await at('buy-view').waitFor({ state: 'detached' });
    answer();
    // Bought elsewhere meanwhile: what the page does now is over before it has opened that view.
    [around.viewsHeld, around.views] = [null, [viewOf(1)]];
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `#/content/${contentId}`);
    await at('buy-view').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(0);
  });

  test('that the wallet refused is not remembered', async () => {
    wallet.refuses = true;
    await connected(`#/content/${contentId}`);
    await at('buy-view').click();
    await eventually(() => wallet.count('eth_sendTransaction')).toBe(1);
    await eventually(() => at('buy-view').getAttribute('aria-busy')).toBe('false');
    expect([await remembered(), await at('view-unfinished').count()]).toEqual(['', 0]);
  });

  test('stays bought when the person signs nothing more, and can be opened later', async () => {
    await connected(`#/content/${contentId}`);
    library.domain = 'bank.example';
    await at('buy-view').click();
    await at('view-bought').waitFor();
    await eventually(() => text('problem')).toContain('bank.example');
    [library.domain, library.viewFound] = [null, true];
    await at('watch-pass').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(1);
  });
});

describe('a view bought in a token', { timeout: 120_000 }, () => {
  const words = (amount: bigint): Hex => encodeAbiParameters([{ type: 'uint256' }], [amount]);
  const answer = (signature: string, value: Hex) => around.calls.set(toFunctionSelector(signature), value);

  beforeEach(() => {
    around.tokens = [token];
    around.terms = { token: token.address, price_per_view: '1500000' };
    answer('function balanceOf(address)', words(2_000_000n));
    answer('function DOMAIN_SEPARATOR()', expectedSeparator(token, chainId));
    answer('function authorizationState(address,bytes32)', words(0n));
  });

  test('takes one signature to pay and one to open, and outlives a reload', async () => {
    await connected(`#/content/${contentId}`);
    expect(await text('view-price')).toBe('1.5 TST');
    expect(await text('view-explained')).toContain('you need no ether');
    expect(await faultsAtBothSizes(page, 'buy-view-token')).toEqual([]);
    await at('buy-view-token').click();
    await eventually(() => library.payments.length).toBe(1);
    const [payment] = library.payments;
    expect(payment).toMatchObject({ method: 'authorization', content_id: contentId, price: '1500000', viewer: wallet.account.address });
    const { params } = wallet.asked.find(({ method }) => method === 'eth_signTypedData_v4') ?? { params: [] };
    const typedData = JSON.parse(params[1] as string);
    expect(typedData).toMatchObject({
      primaryType: 'ReceiveWithAuthorization',
      domain: { name: 'Test token', verifyingContract: token.address },
    });
    expect(await recoverTypedDataAddress({ ...typedData, signature: payment?.signature as Hex })).toBe(wallet.account.address);

    // The page is closed before the provider has an answer: the same payment is sent again, and paid once.
    await page.reload();
    await at('buy-view-token').waitFor();
    await at('view-unfinished').waitFor();
    await at('buy-view-token').click();
    await eventually(() => asked('POST /api/record-view')).toBe(2);
    expect(library.payments).toHaveLength(1);
    library.relay = { state: 'confirmed', detail: null };
    await at('view-bought').waitFor();
    await eventually(() => asked('POST /v1/view-passes')).toBeGreaterThan(1);
    library.viewFound = true;
    await at('view-open').waitFor();
    expect(wallet.count('personal_sign')).toBe(1);
    expect(wallet.count('eth_signTypedData_v4')).toBe(1);
    expect(await faultsAtBothSizes(page, 'view-open')).toEqual([]);
    await page.reload();
    await at('view-open').waitFor();
    expect(wallet.count('personal_sign')).toBe(1);
  });

  test('is not signed for without the money, nor over settings that are not the token’s', async () => {
    answer('function balanceOf(address)', words(500_000n));
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toBe('Your account holds 0.5 TST, and a view costs 1.5 TST.');
    answer('function balanceOf(address)', words(1_500_000n));
    answer('function DOMAIN_SEPARATOR()', expectedSeparator({ ...token, version: '2' }, chainId));
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('settings of TST are not the token’s own');
    expect(wallet.asked).toEqual([]);
    expect(library.payments).toEqual([]);
  });

  test('that is cancelled in the wallet leaves everything as it was', async () => {
    wallet.refuses = true;
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => wallet.count('eth_signTypedData_v4')).toBe(1);
    await eventually(() => at('buy-view-token').isEnabled()).toBe(true);
    expect(await at('buy-view-token').getAttribute('aria-busy')).toBe('false');
    expect(await at('view-unfinished').count()).toBe(0);
    expect(library.payments).toEqual([]);
  });

  test('that the provider refuses, or that fails on chain, says why and can be signed anew', async () => {
    library.relayProblem = problem(403, 'forbidden', 'the price is now 2 TST');
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('the price is now 2 TST');
    expect(await at('view-unfinished').count()).toBe(0);
    library.relayProblem = null;
    library.relay = { state: 'failed', detail: 'the authorisation was cancelled' };
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('the authorisation was cancelled');
    expect(wallet.count('eth_signTypedData_v4')).toBe(2);
    // Whoever has the first one can still send it: the token takes only one of the two.
    const nonces = wallet.asked
      .filter(({ method }) => method === 'eth_signTypedData_v4')
      .map(({ params }) => JSON.parse(params[1] as string).message.nonce);
    expect(new Set(nonces).size).toBe(1);
  });

  test('that is said to have failed, and was paid by a copy of its transaction, is opened and not signed for again', async () => {
    library.relay = { state: 'failed', detail: 'the transaction was replaced' };
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('the transaction was replaced');
    library.viewFound = true;
    await at('buy-view-token').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_signTypedData_v4')).toBe(1);
    expect(library.payments).toHaveLength(1);
  });

  test('that is said to have failed, and that the chain has, is opened at once', async () => {
    library.relay = { state: 'failed', detail: 'the transaction was replaced' };
    [around.views, library.viewFound] = [[viewOf(30)], true];
    await connected(`#/content/${contentId}`);
    library.onRelay = () => {
      around.views = [viewOf(0), viewOf(30)];
    };
    await at('buy-view-token').click();
    await at('view-open').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(wallet.count('eth_signTypedData_v4')).toBe(1);
  });

  test('that is said to have failed, and that the token has taken, is not signed for again', async () => {
    library.relay = { state: 'failed', detail: 'the authorisation was cancelled' };
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('the authorisation was cancelled');
    const { params } = wallet.asked.find(({ method }) => method === 'eth_signTypedData_v4') ?? { params: [] };
    const { nonce } = JSON.parse(params[1] as string).message as { nonce: Hex };
    const state = `${toFunctionSelector('function authorizationState(address,bytes32)')} ${nonce}`;
    for (const answered of [words(1n), '0x' as const]) {
      around.callsWith.set(state, answered);
      await eventually(() => at('buy-view-token').getAttribute('aria-busy')).toBe('false');
      await at('buy-view-token').click();
      await eventually(() => text('problem')).toContain('may have gone through all the same');
    }
    expect(wallet.count('eth_signTypedData_v4')).toBe(1);
    expect(library.payments).toHaveLength(1);
  });

  test('earlier is opened by a signature, and a view that is not there is said to be missing', async () => {
    await connected(`#/content/${contentId}`);
    await at('watch-pass').click();
    await eventually(() => text('problem')).toContain('No view of yours');
    library.viewFound = true;
    await at('watch-pass').click();
    await at('view-open').waitFor();
  });

  test('in a token without EIP-3009 is permitted and signed', async () => {
    answer('function authorizationState(address,bytes32)', '0x');
    answer('function nonces(address)', words(4n));
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => library.payments.length).toBe(1);
    expect(library.payments[0]).toMatchObject({
      method: 'signature',
      view: { viewer: wallet.account.address, max_price: '1500000', nonce: '4' },
      permit: { value: '1500000' },
    });
    expect(wallet.count('eth_signTypedData_v4')).toBe(2);
  });

  test('by a signed view that is said to have failed is signed anew with the same nonce, and not once that is taken', async () => {
    const idle = () => eventually(() => at('buy-view-token').getAttribute('aria-busy')).toBe('false');
    library.relay = { state: 'failed', detail: 'the permit has expired' };
    answer('function authorizationState(address,bytes32)', '0x');
    answer('function nonces(address)', words(4n));
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('the permit has expired');
    // A token that answers now, and did not before, makes no second payment beside the first.
    answer('function authorizationState(address,bytes32)', words(0n));
    await idle();
    await at('buy-view-token').click();
    await eventually(() => wallet.count('eth_signTypedData_v4')).toBe(4);
    const signed = wallet.asked
      .filter(({ method }) => method === 'eth_signTypedData_v4')
      .map(({ params }) => JSON.parse(params[1] as string) as { primaryType: string; message: { nonce: string } })
      .filter(({ primaryType }) => primaryType === 'RecordView');
    expect(signed.map(({ message }) => message.nonce)).toEqual(['4', '4']);
    answer('function nonces(address)', words(5n));
    await idle();
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('may have gone through all the same');
    expect(wallet.count('eth_signTypedData_v4')).toBe(4);
  });

  test('in a token that the page does not know is not offered', async () => {
    around.tokens = [];
    await connected(`#/content/${contentId}`);
    await at('view-price').waitFor();
    expect(await text('view-price')).toContain('1500000 units of 0x9fe4');
    expect(await at('buy-view-token').count()).toBe(0);
  });
});

describe('the programme', { timeout: 120_000 }, () => {
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==', 'base64');

  async function stored(bytes: Uint8Array): Promise<string> {
    const name = CID.createV1(0x55, await sha256.digest(bytes)).toString();
    library.blocks.set(name, bytes);
    return name;
  }
  const document = (picture: string) =>
    new TextEncoder().encode(JSON.stringify({ type: 'paystream/video', title: 't', description: '', picture, duration_ms: 634_570 }));

  test('shows the poster and the duration of a video that nobody broadcasts, both checked', async () => {
    around.live = false;
    around.metadataUri = `ipfs://${await stored(document(`ipfs://${await stored(png)}`))}`;
    await page.goto(around.url);
    await eventually(() => at('content-duration').getAttribute('data-value')).toBe('634570');
    await eventually(() => at('content-poster').evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(1);
    expect(await text('content-card')).not.toContain('Off air');
    expect(await at('content-poster').getAttribute('src')).toMatch(/^blob:/);
    const creator = `0x${'ab'.repeat(20)}`;
    await at('catalogue-search').fill(creator);
    await at('content-card').waitFor();
    expect(await faultsAtBothSizes(page, 'programme-stored')).toEqual([]);
    await at('content-card').click();
    await page.waitForURL(/#\/content\//);
    await page.goBack();
    await eventually(() => at('catalogue-search').inputValue()).toBe(creator);
  });

  test('shows neither when the provider’s bytes are not those of the CID', async () => {
    const picture = await stored(png);
    const metadata = await stored(document(`ipfs://${picture}`));
    library.blocks.set(picture, Buffer.concat([png, Buffer.from([0])]));
    around.metadataUri = `ipfs://${metadata}`;
    await page.goto(around.url);
    await at('content-duration').waitFor();
    await eventually(() => asked(`GET /ipfs/${picture}`)).toBeGreaterThan(1);
    expect(await at('content-poster').count()).toBe(0);
  });
});
