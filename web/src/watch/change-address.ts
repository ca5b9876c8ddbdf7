/** Where what is left of a channel goes: asked once, remembered in this browser. */
import { useEffect, useState } from 'react';
import { changeScriptOf } from '../channels/open.ts';
import type { BitcoinNetwork } from '../config.ts';

const key = (network: BitcoinNetwork): string => `paystream.change-address.${network}`;

export function useChangeAddress(network: BitcoinNetwork) {
  const [address, setAddress] = useState(() => localStorage.getItem(key(network)) ?? '');
  useEffect(() => {
    if (import.meta.env.MODE !== 'devnet' || network !== 'regtest' || localStorage.getItem(key(network)) !== null) return;
    void import('../dev/change-address.ts').then(({ devChangeAddress }) => setAddress((now) => (now === '' ? devChangeAddress() : now)));
  }, [network]);
  return {
    address,
    setAddress,
    problem: address.trim() === '' ? null : objection(address, network),
    remember: () => localStorage.setItem(key(network), address.trim()),
  };
}

function objection(address: string, network: BitcoinNetwork): string | null {
  try {
    changeScriptOf(address.trim(), network);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
