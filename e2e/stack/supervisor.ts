/**
 * The stack's processes under supervisord (http://supervisord.org): its configuration, its life as our child, and its
 * XML-RPC interface on a UNIX socket, through which services are started, stopped and killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { until } from './wait.ts';

export interface Program {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Runs as this user; only root can ask for it. */
  readonly user?: string;
  readonly stopSignal?: 'TERM' | 'INT';
}

export interface ProcessInfo {
  readonly name: string;
  readonly state: 'STOPPED' | 'STARTING' | 'RUNNING' | 'BACKOFF' | 'STOPPING' | 'EXITED' | 'FATAL' | 'UNKNOWN';
  readonly pid: number;
  /** UNIX time of its last start: changes when the supervisor has restarted it. */
  readonly start: number;
  /** Why it is not running. */
  readonly spawnError: string;
}

/** A running supervisord, our own child or somebody else's; known by its socket. */
export class Supervisor {
  readonly socket: string;

  constructor(socket: string) {
    this.socket = socket;
  }

  async start(name: string): Promise<void> {
    await this.#call('supervisor.startProcess', name, false);
  }

  /** Sends the program's stop signal and waits until it is gone. */
  async stop(name: string): Promise<void> {
    await this.#call('supervisor.stopProcess', name, true);
  }

  async signal(name: string, signal: string): Promise<void> {
    await this.#call('supervisor.signalProcess', name, signal);
  }

  async info(name: string): Promise<ProcessInfo> {
    const reply = await this.#call('supervisor.getProcessInfo', name);
    return {
      name,
      state: member(reply, 'statename') as ProcessInfo['state'],
      pid: Number(member(reply, 'pid')),
      start: Number(member(reply, 'start')),
      spawnError: member(reply, 'spawnerr'),
    };
  }

  async isUp(): Promise<boolean> {
    return (await this.#call('supervisor.getState')).includes('RUNNING');
  }

  #call(method: string, ...parameters: (string | boolean)[]): Promise<string> {
    const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${parameters.map(parameter).join('')}</params></methodCall>`;
    return new Promise((resolve, reject) => {
      const call = request(
        {
          socketPath: this.socket,
          path: '/RPC2',
          method: 'POST',
          headers: { 'content-type': 'text/xml', 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          let reply = '';
          response.setEncoding('utf8');
          response.on('data', (data: string) => (reply += data));
          response.on('error', reject);
          response.on('end', () => {
            if (response.statusCode !== 200) reject(new Error(`supervisord answered ${response.statusCode}`));
            else if (reply.includes('<fault>'))
              reject(new Error(`supervisord refused ${method}(${parameters.join(', ')}): ${member(reply, 'faultString')}`));
            else resolve(reply);
          });
        },
      );
      call.on('error', reject);
      call.end(body);
    });
  }
}

/** supervisord as our child. It ends with us, even when we are killed. */
export class OwnSupervisor extends Supervisor {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly pid: number;

  private constructor(socket: string, child: ChildProcess, pid: number) {
    super(socket);
    this.#child = child;
    this.pid = pid;
    this.#ended = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** Starts supervisord with these programs, none of them running yet. `folder` takes its configuration, `logs` one log for each program. */
  static async launch(
    executable: string,
    programs: readonly Program[],
    options: { folder: string; logs: string; restart: boolean },
  ): Promise<OwnSupervisor> {
    // The path of a UNIX socket has at most 107 bytes: it cannot lie in the data folder, which may be deep.
    const socket = join(mkdtempSync(join(tmpdir(), 'paystream-')), 'supervisor.sock');
    const configuration = join(options.folder, 'supervisord.conf');
    writeFileSync(configuration, render(programs, { ...options, socket }), { mode: 0o600 });
    const command = [executable, '--nodaemon', '--configuration', configuration];
    // A group of its own: Ctrl-C reaches us alone, and we stop the services in order.
    // Logs are files: no colours in them.
    const settings = { detached: true, stdio: 'ignore', env: { ...process.env, NO_COLOR: '1' } } as const;
    const child = existsSync('/usr/bin/setpriv')
      ? spawn('/usr/bin/setpriv', ['--pdeathsig', 'TERM', ...command], settings)
      : spawn(executable, command.slice(1), settings);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', () => resolve());
      child.once('error', (error) => reject(new Error(`supervisord did not start: ${error.message}`)));
    });
    const supervisor = new OwnSupervisor(socket, child, child.pid ?? 0);
    await until('supervisord', 20_000, () => {
      if (child.exitCode !== null)
        throw new Error(`supervisord ended with ${child.exitCode}; see ${join(options.logs, 'supervisord.log')}`);
      return supervisor.isUp();
    });
    return supervisor;
  }

  /** Stops every program in the reverse order of their definition, then supervisord itself. */
  async shutdown(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGTERM');
    await this.#ended;
    rmSync(dirname(this.socket), { recursive: true, force: true });
  }
}

/** The last lines of a program's log. */
export function logTail(path: string, lines: number): string {
  if (!existsSync(path)) return '(no log)';
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

function render(
  programs: readonly Program[],
  { socket, folder, logs, restart }: { socket: string; folder: string; logs: string; restart: boolean },
): string {
  const sections = [
    [
      'supervisord',
      [
        `logfile=${percent(join(logs, 'supervisord.log'))}`,
        `pidfile=${percent(join(folder, 'supervisord.pid'))}`,
        `childlogdir=${percent(logs)}`,
        ...(process.getuid?.() === 0 ? ['user=root'] : []),
      ],
    ],
    ['unix_http_server', [`file=${percent(socket)}`, 'chmod=0600']],
    ['rpcinterface:supervisor', ['supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface']],
    ...programs.map(
      (program, index) =>
        [
          `program:${program.name}`,
          [
            `command=${program.command.map(quote).join(' ')}`,
            `environment=${Object.entries(program.environment ?? {})
              .map(([name, value]) => `${name}=${quote(value)}`)
              .join(',')}`,
            ...(program.directory === undefined ? [] : [`directory=${percent(program.directory)}`]),
            ...(program.user === undefined ? [] : [`user=${program.user}`]),
            `priority=${index + 1}`,
            'autostart=false',
            `autorestart=${restart ? 'unexpected' : 'false'}`,
            'startsecs=1',
            'startretries=20',
            `stopsignal=${program.stopSignal ?? 'TERM'}`,
            'stopwaitsecs=20',
            'killasgroup=true',
            'redirect_stderr=true',
            `stdout_logfile=${percent(join(logs, `${program.name}.log`))}`,
            'stdout_logfile_maxbytes=20MB',
            'stdout_logfile_backups=1',
          ],
        ] as const,
    ),
  ] as const;
  return sections.map(([name, lines]) => `[${name}]\n${lines.join('\n')}\n`).join('\n');
}

// A value of the configuration file: `%` expands variables. A word of a command or an environment: as a shell would read it.
const percent = (value: string): string => value.replaceAll('%', '%%');
const quote = (word: string): string => `"${percent(word).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

const xml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const parameter = (value: string | boolean): string =>
  `<param><value>${typeof value === 'boolean' ? `<boolean>${value ? 1 : 0}</boolean>` : `<string>${xml(value)}</string>`}</value></param>`;

/** A member of the struct in a reply. */
function member(reply: string, name: string): string {
  const value = new RegExp(`<name>${name}</name>\\s*<value>(?:<\\w+>)?([^<]*)`).exec(reply)?.[1] ?? '';
  return value.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
