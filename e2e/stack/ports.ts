/** The ports of the stack: fixed ones for development, so that links stay the same, and free ones for tests. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** The ports of development. The name is also that of the option: `postgres` is set by `--postgres-port`. */
export const developmentPorts = {
  postgres: 15432,
  redis: 16379,
  anvil: 18545,
  bitcoind: 18443,
  faucet: 18300,
  indexer: 8180,
  streamer: 8280,
  media: 8281,
  'second-streamer': 8380,
  'second-media': 8381,
  web: 8080,
};

export type PortName = keyof typeof developmentPorts;
export type Ports = Readonly<Record<PortName, number>>;

const portNames = Object.keys(developmentPorts) as PortName[];
const isUdp = (name: PortName): boolean => name.endsWith('media');

/** The ports of development, some of them replaced; every one is checked to be free on `address`. */
export async function fixedPorts(chosen: Partial<Ports>, address: string): Promise<Ports> {
  const ports = { ...developmentPorts, ...chosen };
  const taken = new Map<string, PortName>();
  for (const name of portNames) {
    const key = `${isUdp(name) ? 'udp' : 'tcp'} ${ports[name]}`;
    const other = taken.get(key);
    if (other !== undefined) throw new Error(`--${name}-port and --${other}-port are both ${ports[name]}`);
    taken.set(key, name);
    await bind(name, ports[name], address).catch((error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${error.message})`;
      throw new Error(
        `port ${ports[name]} (${isUdp(name) ? 'UDP, ' : ''}${name}) ${reason}: free it, or choose another with --${name}-port`,
      );
    });
  }
  return ports;
}

/** A free port for each service. */
export async function freePorts(): Promise<Ports> {
  const ports = {} as Record<PortName, number>;
  for (const name of portNames) {
    do ports[name] = await bind(name, 0, '127.0.0.1');
    while (portNames.some((other) => other !== name && ports[other] === ports[name]));
  }
  return ports;
}

/** Takes a port for a moment and returns its number. */
function bind(name: PortName, port: number, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    if (isUdp(name)) {
      const socket = createSocket('udp4');
      socket.once('error', reject);
      socket.bind(port, address, () => {
        const bound = socket.address().port;
        socket.close(() => resolve(bound));
      });
    } else {
      const server = createServer();
      server.once('error', reject);
      server.listen(port, address, () => {
        const bound = server.address();
        server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : port));
      });
    }
  });
}
