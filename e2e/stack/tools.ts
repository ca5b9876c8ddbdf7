/**
 * Where the programs are that the stack runs. `scripts/setup --env` finds or installs them and says so by these variables;
 * nothing else in the stack reads the environment.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Tools {
  /** Folder of `initdb` and `postgres`. */
  readonly postgresBin: string;
  readonly redisServer: string;
  readonly anvil: string;
  readonly bitcoind: string;
  readonly supervisord: string;
  readonly deployer: string;
  readonly indexer: string;
  readonly streamer: string;
}

export function findTools(environment: NodeJS.ProcessEnv = process.env): Tools {
  const tool = (variable: string): string => {
    const path = environment[variable];
    if (path === undefined || path === '') {
      throw new Error(`${variable} is not set: start by ./scripts/dev, or first run: eval "$(scripts/setup --env)"`);
    }
    if (!existsSync(path)) throw new Error(`${variable}=${path} does not exist`);
    return path;
  };
  const binary = (name: string, crate = name): string => {
    const path = join(environment.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug', name);
    if (!existsSync(path)) throw new Error(`${path} is not built: run cargo build -p ${crate}`);
    return path;
  };
  return {
    postgresBin: tool('PG_BIN'),
    redisServer: tool('REDIS_SERVER'),
    anvil: tool('ANVIL'),
    bitcoind: tool('BITCOIND_EXE'),
    supervisord: tool('SUPERVISORD'),
    deployer: binary('paystream-deploy', 'paystream-contracts'),
    indexer: binary('paystream-indexer'),
    streamer: binary('paystream-streamer'),
  };
}
