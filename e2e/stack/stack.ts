/** A running stack: what it is made of, and the control of its services. */
import { BitcoinRpc } from './bitcoin.ts';
import { isLive } from './readiness.ts';
import { readRecord, type StackRecord } from './record.ts';
import { ServiceControl } from './service-control.ts';
import { Supervisor } from './supervisor.ts';
import { until } from './wait.ts';

export class Stack extends ServiceControl {
  readonly record: StackRecord;
  /** The node that all providers of the stack ask. */
  readonly bitcoin: BitcoinRpc;

  constructor(record: StackRecord, supervisor: Supervisor) {
    super(record.dataDir, record.ports, record.urls, supervisor);
    this.record = record;
    this.bitcoin = new BitcoinRpc(record.urls.bitcoin, record.bitcoin.cookieFile);
  }

  /** The stack that runs with this data folder, started by another process. */
  static attach(dataDir: string): Stack {
    const record = readRecord(dataDir);
    return new Stack(record, new Supervisor(record.supervisor.socket));
  }

  /** Waits until the demo plays: the publisher is live, and the indexer shows the content. */
  async waitUntilLive(timeoutMs = 180_000): Promise<void> {
    await this.explained('publisher', () =>
      until('the demo is live', timeoutMs, () => isLive(this.record.urls, this.record.content.contentId)),
    );
  }
}
