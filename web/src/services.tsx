/** What the views work with, made once from the settings. */
import { createContext, type ReactNode, useContext } from 'react';
import { Indexer } from './api/client.ts';
import type { Config } from './config.ts';

export interface Services {
  readonly config: Config;
  readonly indexer: Indexer;
}

const ServicesContext = createContext<Services | null>(null);

export function ServicesProvider({ config, children }: { config: Config; children: ReactNode }) {
  return <ServicesContext value={{ config, indexer: new Indexer(config.indexerUrl) }}>{children}</ServicesContext>;
}

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === null) throw new Error('a view stands outside of ServicesProvider');
  return services;
}
