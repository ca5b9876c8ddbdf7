import { describe, expect, test } from 'vitest';
import { parseConfig } from './config.ts';

const good = {
  chain: { id: 31337, name: 'Development', rpcUrl: 'http://127.0.0.1:8545/' },
  registry: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
  splitter: '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512',
  indexerUrl: 'http://127.0.0.1:8180',
  bitcoin: { network: 'regtest', esploraUrl: null },
};

describe('config.json', () => {
  test('a complete one is read, without trailing slashes', () => {
    const config = parseConfig(good);
    expect(config.chain.rpcUrl).toBe('http://127.0.0.1:8545');
    expect(config.dev).toBeNull();
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
    ['a bad development key', { ...good, dev: { faucetUrl: 'http://f', wallets: [{ name: 'a', privateKey: '0x1' }] } }, 'privateKey'],
  ])('%s is refused and the field is named', (_name, json, message) => {
    expect(() => parseConfig(json)).toThrow(message);
  });
});
