/** The PostgreSQL cluster of the stack: where it lies, who owns it, and how it comes to be. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './run.ts';
import type { Tools } from './tools.ts';

export const databaseUser = 'paystream';
export const database = 'paystream';

const outside = '/var/lib/paystream';

export interface PostgresHome {
  readonly directory: string;
  /** PostgreSQL refuses root: for root, the user that it runs as. */
  readonly owner?: { readonly name: string; readonly uid: number; readonly gid: number };
}

/**
 * The place of the cluster: inside the data folder, unless we are root and the cluster's user cannot get there (a project
 * under /root, for example); then in a folder of its own under `outside`.
 */
export function postgresHome(dataDir: string): PostgresHome {
  const directory = join(dataDir, 'postgres');
  if (process.getuid?.() !== 0) return { directory };
  const owner = systemUser('postgres') ?? systemUser('nobody');
  if (owner === undefined)
    throw new Error('PostgreSQL refuses root, and there is neither a user "postgres" nor "nobody" that could run it');
  if (isReachableByAll(dataDir)) return { directory, owner };
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return { directory: join(outside, name, 'postgres'), owner };
}

/** Makes the cluster if there is none. */
export async function preparePostgres(tools: Tools, { directory, owner }: PostgresHome, password: string): Promise<void> {
  const version = /(\d+)/.exec(await run(join(tools.postgresBin, 'postgres'), ['--version']))?.[1] ?? '';
  const versionFile = join(directory, 'PG_VERSION');
  if (existsSync(versionFile)) {
    const made = readFileSync(versionFile, 'utf8').trim();
    if (made !== version)
      throw new Error(`the database in ${directory} was made by PostgreSQL ${made}, and this is ${version}: start once with --reset`);
    return;
  }
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(dirname(directory), { recursive: true, mode: 0o711 });
  mkdirSync(directory, { mode: 0o700 });
  const passwordFile = `${directory}.password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const identity = owner === undefined ? {} : { uid: owner.uid, gid: owner.gid };
  if (owner !== undefined) for (const path of [directory, passwordFile]) chownSync(path, owner.uid, owner.gid);
  try {
    // `C.UTF-8` is the same on every machine, and needs no locale to be installed.
    const options = [
      '--username',
      databaseUser,
      '--pwfile',
      passwordFile,
      '--auth',
      'scram-sha-256',
      '--encoding',
      'UTF8',
      '--locale',
      'C.UTF-8',
      '--no-sync',
    ];
    await run(join(tools.postgresBin, 'initdb'), ['--pgdata', directory, ...options], { ...identity, cwd: '/' });
    // A single-user server makes the database: there may be no client program.
    await run(join(tools.postgresBin, 'postgres'), ['--single', '-D', directory, 'postgres'], {
      ...identity,
      cwd: '/',
      input: `create database ${database}\n`,
    });
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** Whether the server under this process id has finished its start: the eighth line of its own file says so. */
export function isPostgresReady({ directory }: PostgresHome, pid: number): boolean {
  const file = join(directory, 'postmaster.pid');
  if (!existsSync(file)) return false;
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

export function removePostgres({ directory }: PostgresHome): void {
  const parent = dirname(directory);
  rmSync(dirname(parent) === outside ? parent : directory, { recursive: true, force: true });
}

function systemUser(name: string): PostgresHome['owner'] {
  try {
    const id = (option: string): number => Number(execFileSync('id', [option, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
    return { name, uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}

function isReachableByAll(directory: string): boolean {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o711);
  for (let path = directory; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}
