// Writes docs/gas.md from the figures in snapshots/.
//
//     node contracts/gas.mjs             writes it
//     node contracts/gas.mjs --check     fails when it is not what would be written
//
// The figures come from `FOUNDRY_PROFILE=gas contracts/forge test` and `FOUNDRY_PROFILE=gas_calls contracts/forge test`.
import { readFileSync, writeFileSync } from 'node:fs';

const page = new URL('../docs/gas.md', import.meta.url);
const transactions = figures('../snapshots/');
const calls = figures('../snapshots/calls/');

const sections = [
  [
    'Views',
    {
      recordView_ether: 'a view in ether',
      recordView_ether_first: 'the first in ether that this creator and this provider earn from',
      recordView_token: 'in a token, from an allowance',
      recordView_token_first: 'the first that they earn from in this token',
      recordView_token_permit: 'with a permit (EIP-2612) for just this payment',
      recordView_token_authorization: 'with a signed transfer (EIP-3009), sent by a relayer',
      recordViewBySig: 'signed by the viewer, sent by a relayer, from an allowance',
    },
  ],
  [
    'Channels',
    {
      open_ether: 'open, in ether',
      open_token: 'in a token, from an allowance',
      open_token_permit: 'with a permit for just this deposit',
      open_token_authorization: 'with a signed transfer, sent by a relayer',
      topUp_ether: 'add to the deposit, in ether',
      topUp_token: 'in a token, from an allowance',
      topUp_token_permit: 'with a permit for just this amount',
      topUp_token_authorization: 'with a signed transfer, sent by a relayer',
      settle_1: 'settle one channel, in ether',
      settle_1_first: 'the first time that its creator and its provider earn in ether',
      settle_1_token: 'one channel in a token',
      settle_1_token_first: 'the first time that they earn in this token',
      settle_10: 'ten channels of one content and provider',
      settle_10_first: 'the first time that they earn in ether',
      settle_10_token: 'ten channels in a token',
      settle_10_deals: 'ten channels of ten contents with ten payouts, one provider',
      settle_50: 'fifty channels of one content and provider',
      settle_50_token: 'fifty in a token',
      close: 'settle the last voucher, end the channel, send back the rest',
      close_token: 'the same in a token',
      close_unused: 'end a channel that nothing was spent of',
      refund: 'after the expiry: the rest goes back to the payer',
      refund_token: 'the same in a token',
    },
  ],
  [
    'Earnings',
    {
      claim_ether: 'to the account that earned it',
      claim_token: 'in a token',
      claimFor_ether: 'sent by somebody else',
      claimFor_token: 'in a token',
    },
  ],
  [
    'Payout splits',
    {
      createSplit: 'between two',
      distributeSplit_2: 'ether to two',
      distributeSplit_2_first: 'the first time that this split divides ether',
      distributeSplit_2_token: 'a token to two',
      distributeSplit_2_token_first: 'the first time that it divides this token',
    },
  ],
  [
    'Registry',
    {
      registerContent: 'a CID of 59 bytes, a name of 27, a metadata URI of 66',
      registerContentBySig: 'signed by the creator, sent by a relayer',
      updateTerms: 'another share, another price of both kinds',
      updateTermsBySig: 'signed by the creator',
      deregisterContent: '',
      deregisterContentBySig: 'signed by the creator',
      registerStream: 'a URL of 37 bytes',
      registerStreamBySig: 'signed by the provider',
      deregisterStream: '',
      deregisterStreamBySig: 'signed by the provider',
      setBitcoinPayout: 'a P2WPKH script, 22 bytes',
      setBitcoinPayout_taproot: 'a P2TR script, 34 bytes',
      setBitcoinPayoutBySig: 'P2WPKH, signed by the creator',
      invalidateNonce: '',
    },
  ],
];

// What x402's tests pay more for a balance of the token that was zero before: of its contract at a deposit, of the
// receiver at a settlement. Ours is not.
const NEW_BALANCE = 17_100;

// What others publish, what of ours does that work, whether theirs is known to be the call alone, and what ours would
// cost more from where theirs starts.
const others = [
  ['x402 batch-settlement, first deposit from an allowance', 84770, 'open_token', 'call', NEW_BALANCE],
  ['x402 batch-settlement, first deposit by EIP-3009', 111738, 'open_token_authorization', 'call', NEW_BALANCE],
  ['x402 batch-settlement, one claim', 40252, 'settle_1_token_first', 'call', 0],
  ['x402 batch-settlement, ten claims', 192043, 'settle_10_first', 'call', 0],
  ['x402 batch-settlement, settle', 31204, 'claim_token', 'call', NEW_BALANCE],
  ['µRaiden, open (ERC-20)', 120090, 'open_token', '', 0],
  ['µRaiden, open (ERC-223)', 88976, 'open_token', '', 0],
  ['0xSplits, distribute ether', 57390, 'distributeSplit_2', '', 0],
  ['0xSplits, create', 100741, 'createSplit', '', 0],
  ['Sablier, create (the lowest of 110,000 to 138,000)', 110000, 'open_token', '', 0],
];

// Where the gas of a transaction goes; what is left of its figure is the work in between.
const breakdowns = [
  [
    'settle_1_token',
    'Next to an x402 claim of 40,252: a claim credits one row and needs a second transaction (`settle`) for the transfer, as ours needs `claim`; a settlement credits two accounts. In one batch of ten that is paid once.',
    [
      ['the transaction itself', 21000],
      ['calldata', 5544],
      ['the channel: `SLOAD` 2,100, `SSTORE` 2,900', 5000],
      ["the creator's and the provider's row of the ledger: twice `SLOAD` 2,100, `SSTORE` 2,900", 10000],
      ['`ChannelSettled`: `LOG2`, 32 bytes', 1381],
      ['`EarningsCredited` twice: `LOG4`, 32 bytes', 4262],
      ["`ecrecover`, for the voucher's signature", 3000],
    ],
  ],
  [
    'claim_token',
    'Next to an x402 `settle` of 31,204: both clear what is owed and make one transfer.',
    [
      ['the transaction itself', 21000],
      ['calldata', 800],
      ['the row of the ledger: `SLOAD` 2,100, `SSTORE` 2,900', 5000],
      ['`EarningsClaimed`: `LOG4`, 32 bytes', 2131],
      ['the token: cold `CALL`', 2600],
      ['its two balances: twice `SLOAD` 2,100, `SSTORE` 2,900', 10000],
      ['`Transfer`: `LOG3`, 32 bytes', 1756],
      ['refund for the row that is cleared', -4800],
    ],
  ],
  [
    'open_token_authorization',
    'Next to an x402 deposit of 84,770 from an allowance, or 111,738 by EIP-3009.',
    [
      ['the transaction itself', 21000],
      ['calldata', 4740],
      ['the registry: cold `STATICCALL`', 2600],
      ['three slots of the terms and one of the stream: `SLOAD` 2,100 each', 8400],
      ['the channel, which was empty: `SLOAD` 2,100, `SSTORE` 20,000', 22100],
      ['`ChannelOpened` with the whole channel: `LOG4`, 352 bytes', 4691],
      ['the token: cold account', 2600],
      ['its mark that the authorisation is used: `SLOAD` 2,100, `SSTORE` 20,000', 22100],
      ['its two balances: twice `SLOAD` 2,100, `SSTORE` 2,900', 10000],
      ['`AuthorizationUsed`: `LOG3`, no data', 1500],
      ['`Transfer`: `LOG3`, 32 bytes', 1756],
      ["`ecrecover`, for the payer's signature", 3000],
    ],
  ],
];

const text = `<!-- Generated by contracts/gas.mjs from snapshots/; do not edit. -->
# Gas

What every transaction costs, and how that compares. \`scripts/test contracts\` measures all of it anew and fails when a figure is not the one in \`snapshots/\`.

## What is measured

A figure is the gas of a **whole transaction**: the 21,000 that any costs, the calldata, every account and slot cold, refunds taken off. It is measured with Foundry (\`isolate\`) under the rules of Cancun, with the compiler settings that are deployed.

- Accounts have used the contracts before: they exist, hold ether and the token, and their nonces at the contracts are not zero any more. Where a figure says *first*, the rows of the earnings ledger that it writes are empty; everywhere else there are unclaimed earnings in them.
- The token is a plain ERC-20 with EIP-2612 and EIP-3009 as USDC has them (\`contracts/test/tokens/UsdLikeToken.sol\`). USDC itself sits behind a proxy and looks into a blacklist, so each of its transfers costs some thousands more.
- Allowances are finite and not used up. A permit is for exactly what is paid.
- Salts, addresses, signatures and amounts are as long as real ones, and fixed: the figures are the same on every machine.
- Every voucher is the first of its channel. Each channel of a batch has a payer and a session key of its own.

${sections.map(([title, rows]) => section(title, rows)).join('\n\n')}

Per channel, settling fifty costs ${number(Math.round(transactions.settle_50 / 50))}, settling ten ${number(Math.round(transactions.settle_10 / 10))}.

## Next to others

Ratios below 1 mean that ours costs less. Everything of ours contains what the others leave out: the division between creator and provider (two ledger rows instead of one), and for an opening the check of the terms against the registry.

The figures of x402 are of the **call alone** (its repository's \`contracts/evm/snapshots/X402BatchSettlementGasTest.json\`, of a test that is not isolated): they are without the 21,000, without calldata, and with slots that the same test has touched already. That is why its transfer of an ERC-20 token to a new holder stands there with 25,745, where a transaction costs about 50,000. The fourth column is ours measured as theirs is: as a call in the middle of a test, with 17,100 added where theirs pays for a token balance that was zero before. The maintainers of x402 report about 57,000 for a real \`settle\` on Base (their pull request 2375), next to 31,204 in the snapshot.

| theirs | published | ours, whole transaction | ours, call alone | ratio |
|---|--:|--:|--:|--:|
${others.map(comparison).join('\n')}

The ratio takes our call where theirs is known to be a call, and our whole transaction otherwise.

Caveats:
- **x402**: its deposit goes through a collector contract and its claim credits one receiver, whose row is empty in its test. Its EIP-3009 deposit uses a token that checks no signature (at least the 3,000 of \`ecrecover\` are missing), ours a token that does. Its ten claims pay one receiver, as our ten settlements pay for one deal.
- **µRaiden** was measured before Berlin, when a cold slot cost 800 instead of 2,100 and a \`CALL\` 700 instead of 2,600. Its ERC-223 way needs a token of that kind, which hands over the deposit and the call in one; ours is from an ERC-20 allowance, and the check of the terms in the registry alone (12,937) is more than the difference.
- **0xSplits** figures are published without saying whether the 21,000 are in them. Its split keeps nothing for a recipient that refuses; ours does, which takes a slot of books.
- **Sablier** creates streams that run by the clock, and mints an NFT for each.
- Compilers, optimiser settings and tokens differ.

## Where it goes

As whole transactions these cost more than the published call that they are nearest to, and one settlement for accounts that never earned costs more as a call too. This is what they are made of. None of it can go without giving up a check, a log that the indexer reads, or the second of the two accounts that every payment is divided between.

${breakdowns.map(breakdown).join('\n\n')}

The first settlement or view for an account writes an empty row: \`SSTORE\` costs 20,000 instead of 2,900, once for each account and token. With two new accounts that is 34,200, the difference between \`settle_1\` and \`settle_1_first\`. A claim empties the row again, so who claims seldom pays this seldom.

As calls alone, \`settle_1_token_first\` is ${number(calls.settle_1_token_first - 40252)} above the x402 claim: its second row costs 22,100 and the two \`EarningsCredited\` 4,262, and all the rest is ${number(22100 + 4262 - (calls.settle_1_token_first - 40252))} less.
`;

if (process.argv[2] === '--check') {
  const committed = readFileSync(page, 'utf8');
  if (committed !== text) {
    console.error('docs/gas.md is not what contracts/gas.mjs makes of snapshots/');
    process.exit(1);
  }
} else {
  writeFileSync(page, text);
}

function figures(folder) {
  const all = {};
  for (const name of ['EarningsSplitter', 'PayoutSplit', 'StreamRegistry']) {
    const file = JSON.parse(readFileSync(new URL(`${folder}${name}.json`, import.meta.url), 'utf8'));
    for (const [key, gas] of Object.entries(file)) all[key] = Number(gas);
  }
  return all;
}

function section(title, rows) {
  const lines = Object.entries(rows).map(([key, note]) => `| \`${key}\` | ${note} | ${number(figure(transactions, key))} |`);
  return [`## ${title}`, '', '| transaction | | gas |', '|---|---|--:|', ...lines].join('\n');
}

function comparison([name, published, key, measured, more]) {
  const whole = figure(transactions, key);
  const alone = figure(calls, key) + more;
  const ratio = (measured === 'call' ? alone : whole) / published;
  return `| ${name} | ${number(published)} | \`${key}\` ${number(whole)} | ${number(alone)} | ${ratio.toFixed(2)} |`;
}

function breakdown([key, note, parts]) {
  const total = figure(transactions, key);
  const rest = parts.reduce((left, [, gas]) => left - gas, total);
  if (rest < 0) throw new Error(`the parts of '${key}' are more than its ${total}`);
  const rows = [...parts, ['all else: hashing, checks, memory, warm accesses', rest]];
  const lines = rows.map(([what, gas]) => `| ${what} | ${number(gas)} |`);
  return [`### ${key}`, '', note, '', '| | gas |', '|---|--:|', ...lines, `| **together** | **${number(total)}** |`].join('\n');
}

function figure(from, key) {
  if (!(key in from)) throw new Error(`snapshots/ has no '${key}'`);
  return from[key];
}

function number(value) {
  return value.toLocaleString('en-US');
}
