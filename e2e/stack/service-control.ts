/** Control of the services one by one: start, stop, kill, and waiting until they do their work. */
import { join } from 'node:path';
import type { Ports } from './ports.ts';
import { postgresHome } from './postgres.ts';
import { isReady } from './readiness.ts';
import { type Paths, pathsIn, type ServiceName, type Urls } from './services.ts';
import { logTail, type Supervisor } from './supervisor.ts';
import { GiveUp, until } from './wait.ts';

export class ServiceControl {
  readonly paths: Paths;
  readonly #ports: Ports;
  readonly #urls: Urls;
  readonly #supervisor: Supervisor;

  constructor(dataDir: string, ports: Ports, urls: Urls, supervisor: Supervisor) {
    this.paths = pathsIn(dataDir);
    this.#ports = ports;
    this.#urls = urls;
    this.#supervisor = supervisor;
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

  /** The process of a service; 0 when it does not run. */
  async pid(service: ServiceName): Promise<number> {
    return (await this.#supervisor.info(service)).pid;
  }

  /** Waits until a started service does its work; throws with the end of its log when it ends instead. */
  async waitReady(service: ServiceName, timeoutMs = 60_000): Promise<void> {
    const { start } = await this.#supervisor.info(service);
    const probed = { ports: this.#ports, urls: this.#urls, paths: this.paths, postgres: postgresHome(this.paths.data) };
    await this.explained(service, () =>
      until(`${service} is ready`, timeoutMs, async () => {
        const now = await this.#supervisor.info(service);
        if (!['RUNNING', 'STARTING'].includes(now.state) || now.start !== start) {
          throw new GiveUp(`${service} ended: ${now.spawnError || now.state}`);
        }
        return now.state === 'RUNNING' && isReady(service, now.pid, probed);
      }),
    );
  }

  /** Does something whose failure the log of a service explains. */
  protected async explained<T>(service: ServiceName, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const log = join(this.paths.logs, `${service}.log`);
      throw new Error(`${error instanceof Error ? error.message : error}\nThe end of ${log}:\n${logTail(log, 25)}`);
    }
  }
}
