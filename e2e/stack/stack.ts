/** A running stack: what it is made of, and the control of its services. */
import { join } from 'node:path';
import { BitcoinRpc } from './bitcoin.ts';
import { postgresHome } from './postgres.ts';
import { isLive, isReady } from './readiness.ts';
import { readRecord, type StackRecord } from './record.ts';
import { type Paths, pathsIn, type ServiceName } from './services.ts';
import { logTail, Supervisor } from './supervisor.ts';
import { GiveUp, until } from './wait.ts';

export class Stack {
  readonly record: StackRecord;
  readonly paths: Paths;
  /** The node that all providers of the stack ask. */
  readonly bitcoin: BitcoinRpc;
  readonly #supervisor: Supervisor;

  constructor(record: StackRecord, supervisor: Supervisor) {
    this.record = record;
    this.paths = pathsIn(record.dataDir);
    this.bitcoin = new BitcoinRpc(record.urls.bitcoin, record.bitcoin.cookieFile);
    this.#supervisor = supervisor;
  }

  /** The stack that runs with this data folder, started by another process. */
  static attach(dataDir: string): Stack {
    const record = readRecord(dataDir);
    return new Stack(record, new Supervisor(record.supervisor.socket));
  }

  /** Starts a service that does not run, and waits until it is ready. */
  async start(service: ServiceName, timeoutMs?: number): Promise<void> {
    await this.#supervisor.start(service);
    await this.waitReady(service, timeoutMs);
  }

  /** Stops a service in good order and waits until it is gone. */
  async stop(service: ServiceName): Promise<void> {
    await this.#supervisor.stop(service);
  }

  /** Sends a signal, SIGKILL unless another is named, and waits until the process is gone. */
  async kill(service: ServiceName, signal = 'KILL'): Promise<void> {
    const { pid } = await this.#supervisor.info(service);
    await this.#supervisor.signal(service, signal);
    await until(`the end of ${service}`, 20_000, async () => (await this.#supervisor.info(service)).pid !== pid);
  }

  async isRunning(service: ServiceName): Promise<boolean> {
    const { state } = await this.#supervisor.info(service);
    return state === 'RUNNING' || state === 'STARTING';
  }

  async pid(service: ServiceName): Promise<number> {
    return (await this.#supervisor.info(service)).pid;
  }

  /** Waits until a started service does its work; says so with the end of its log when it ends instead. */
  async waitReady(service: ServiceName, timeoutMs = 60_000): Promise<void> {
    const { start } = await this.#supervisor.info(service);
    const probed = { ports: this.record.ports, urls: this.record.urls, paths: this.paths, postgres: postgresHome(this.record.dataDir) };
    const log = join(this.paths.logs, `${service}.log`);
    try {
      await until(`${service} is ready`, timeoutMs, async () => {
        const now = await this.#supervisor.info(service);
        if (!['RUNNING', 'STARTING'].includes(now.state) || now.start !== start)
          throw new GiveUp(`${service} ended: ${now.spawnError || now.state}`);
        return now.state === 'RUNNING' && isReady(service, now.pid, probed);
      });
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\nThe end of ${log}:\n${logTail(log, 25)}`);
    }
  }

  /** Waits until the demo plays: the publisher is live, and the indexer shows the content. */
  async waitUntilLive(timeoutMs = 60_000): Promise<void> {
    const log = join(this.paths.logs, 'publisher.log');
    try {
      await until('the demo is live', timeoutMs, () => isLive(this.record.urls, this.record.content.contentId));
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\nThe end of ${log}:\n${logTail(log, 25)}`);
    }
  }
}
