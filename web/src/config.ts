/**
 * The settings of this copy of the page: `config.json` beside `index.html`, fetched when the page starts, so that one build serves any
 * chain and any host. Parsing is pure; every problem names the field.
 */
import { type Address, isAddress } from 'viem';

export type BitcoinNetwork = 'bitcoin' | 'testnet4' | 'signet' | 'regtest';

export interface DevSettings {
  readonly faucetUrl: string;
  readonly wallets: readonly { readonly name: string; readonly privateKey: `0x${string}` }[];
}

/** A token in which views can be paid. `name` and `version` are those of its EIP-712 domain: wallets sign over them. */
export interface Token {
  readonly address: Address;
  readonly symbol: string;
  readonly name: string;
  readonly decimals: number;
  readonly version: string;
}

export interface Config {
  readonly chain: { readonly id: number; readonly name: string; readonly rpcUrl: string };
  readonly registry: Address;
  readonly splitter: Address;
  readonly indexerUrl: string;
  /** `esploraUrl` null: the provider's own `/esplora` (regtest has no public server). */
  readonly bitcoin: { readonly network: BitcoinNetwork; readonly esploraUrl: string | null };
  /** Beside ether. */
  readonly tokens: readonly Token[];
  readonly dev: DevSettings | null;
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export async function loadConfig(url = './config.json'): Promise<Config> {
  let response: Response;
  try {
    response = await fetch(url, { cache: 'no-store' });
  } catch (cause) {
    throw new ConfigError('config.json could not be fetched. Is the page’s host reachable?', { cause });
  }
  if (!response.ok) throw new ConfigError(`config.json is missing: the page’s host answered ${response.status}.`);
  let json: unknown;
  try {
    json = await response.json();
  } catch (cause) {
    throw new ConfigError('config.json is not JSON. (Some hosts answer a missing file with a page.)', { cause });
  }
  return parseConfig(json);
}

export function parseConfig(json: unknown): Config {
  const root = object(json, 'config.json');
  const chain = object(root.chain, 'chain');
  const bitcoin = object(root.bitcoin, 'bitcoin');
  const id = chain.id;
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id <= 0) throw new ConfigError('chain.id must be a positive whole number.');
  const network = bitcoin.network;
  if (network !== 'bitcoin' && network !== 'testnet4' && network !== 'signet' && network !== 'regtest') {
    throw new ConfigError('bitcoin.network must be one of bitcoin, testnet4, signet, regtest.');
  }
  const esploraUrl = bitcoin.esploraUrl === null || bitcoin.esploraUrl === undefined ? null : url(bitcoin.esploraUrl, 'bitcoin.esploraUrl');
  if (esploraUrl === null && network !== 'regtest') {
    throw new ConfigError(
      'bitcoin.esploraUrl must be set: on a public network the page needs a view of Bitcoin that is not its provider’s.',
    );
  }
  return {
    chain: { id, name: text(chain.name, 'chain.name'), rpcUrl: url(chain.rpcUrl, 'chain.rpcUrl') },
    registry: address(root.registry, 'registry'),
    splitter: address(root.splitter, 'splitter'),
    indexerUrl: url(root.indexerUrl, 'indexerUrl'),
    bitcoin: { network, esploraUrl },
    tokens: root.tokens === undefined || root.tokens === null ? [] : parseTokens(root.tokens),
    // Production builds know nothing of development keys, whatever the file says.
    dev: import.meta.env.MODE === 'production' || root.dev === undefined || root.dev === null ? null : parseDev(root.dev),
  };
}

function parseTokens(json: unknown): readonly Token[] {
  if (!Array.isArray(json)) throw new ConfigError('tokens must be a list.');
  const tokens = json.map((entry: unknown, index): Token => {
    const token = object(entry, `tokens[${index}]`);
    const { decimals } = token;
    if (typeof decimals !== 'number' || !Number.isSafeInteger(decimals) || decimals < 0 || decimals > 36) {
      throw new ConfigError(`tokens[${index}].decimals must be a whole number from 0 to 36.`);
    }
    const at = address(token.address, `tokens[${index}].address`).toLowerCase() as Address;
    if (/^0x0+$/.test(at)) throw new ConfigError(`tokens[${index}].address is that of ether, which needs no entry.`);
    return {
      address: at,
      symbol: text(token.symbol, `tokens[${index}].symbol`),
      name: text(token.name, `tokens[${index}].name`),
      decimals,
      version: text(token.version, `tokens[${index}].version`),
    };
  });
  if (new Set(tokens.map((token) => token.address)).size < tokens.length) throw new ConfigError('tokens names one address twice.');
  return tokens;
}

function parseDev(json: unknown): DevSettings {
  const dev = object(json, 'dev');
  if (!Array.isArray(dev.wallets)) throw new ConfigError('dev.wallets must be a list.');
  return {
    faucetUrl: url(dev.faucetUrl, 'dev.faucetUrl'),
    wallets: dev.wallets.map((entry: unknown, index) => {
      const wallet = object(entry, `dev.wallets[${index}]`);
      const privateKey = text(wallet.privateKey, `dev.wallets[${index}].privateKey`);
      if (!/^0x[0-9a-fA-F]{64}$/.test(privateKey)) throw new ConfigError(`dev.wallets[${index}].privateKey must be 0x and 64 hex digits.`);
      return { name: text(wallet.name, `dev.wallets[${index}].name`), privateKey: privateKey as `0x${string}` };
    }),
  };
}

function object(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ConfigError(`${name} must be an object.`);
  return value as Record<string, unknown>;
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '') throw new ConfigError(`${name} must be a text.`);
  return value;
}

function url(value: unknown, name: string): string {
  const given = text(value, name);
  if (!/^https?:\/\//.test(given) || !URL.canParse(given)) throw new ConfigError(`${name} must be an http or https address.`);
  return given.replace(/\/+$/, '');
}

function address(value: unknown, name: string): Address {
  const given = text(value, name);
  if (!isAddress(given, { strict: false })) throw new ConfigError(`${name} must be an Ethereum address.`);
  return given;
}
