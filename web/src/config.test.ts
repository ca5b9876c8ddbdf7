import { describe, expect, test } from 'vitest';
import { parseConfig } from './config.ts';

const good = {
  chain: { id: 31337, name: 'Development', rpcUrl: 'http://127.0.0.1:8545/' },
  registry: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
  splitter: '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512',
  indexerUrl: 'http://127.0.0.1:8180',
  bitcoin: { network: 'regtest', esploraUrl: null },
};

const token = { address: '0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0', symbol: 'TST', name: 'Test token', decimals: 6, version: '2' };

describe('config.json', () => {
  test('a complete one is read, without trailing slashes', () => {
    const config = parseConfig(good);
    expect(config.chain.rpcUrl).toBe('http://127.0.0.1:8545');
    expect(config.dev).toBeNull();
    expect(config.tokens).toEqual([]);
  });

  test('tokens are read, their addresses in lower case', () => {
    expect(parseConfig({ ...good, tokens: [token] }).tokens).toEqual([{ ...token, address: token.address.toLowerCase() }]);
  });

  test.each([
    ['nothing at all', null, 'config.json must be an object'],
    ['no registry', { ...good, registry: undefined }, 'registry must be a text'],
    ['a short registry', { ...good, registry: '0x12' }, 'registry must be an Ethereum address'],
    ['a chain id as text', { ...good, chain: { ...good.chain, id: '1' } }, 'chain.id'],
    ['an indexer that is a script', { ...good, indexerUrl: 'javascript:alert(1)' }, 'indexerUrl must be an http'],
    ['an unknown network', { ...good, bitcoin: { network: 'dogecoin' } }, 'bitcoin.network'],
    [
      'a public network without a chain server',
      { ...good, bitcoin: { network: 'signet', esploraUrl: null } },
      'bitcoin.esploraUrl must be set',
    ],
    ['tokens that are no list', { ...good, tokens: token }, 'tokens must be a list'],
    ['a token without a version', { ...good, tokens: [{ ...token, version: undefined }] }, 'tokens[0].version'],
    ['decimals as text', { ...good, tokens: [{ ...token, decimals: '6' }] }, 'tokens[0].decimals'],
    ['more decimals than an amount has', { ...good, tokens: [{ ...token, decimals: 77 }] }, 'tokens[0].decimals'],
    ['ether as a token', { ...good, tokens: [{ ...token, address: `0x${'0'.repeat(40)}` }] }, 'that of ether'],
    ['one token twice', { ...good, tokens: [token, { ...token, address: token.address.toLowerCase() }] }, 'twice'],
    ['a bad development key', { ...good, dev: { faucetUrl: 'http://f', wallets: [{ name: 'a', privateKey: '0x1' }] } }, 'privateKey'],
  ])('%s is refused and the field is named', (_name, json, message) => {
    expect(() => parseConfig(json)).toThrow(message);
  });
});
