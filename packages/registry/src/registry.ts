/** What every rule needs: the store below, a clock, a hash. */

import type { Sha256 } from '@cloud-steg/protocol';
import type { Store } from '@cloud-steg/store';
import { Ledger } from './ledger.ts';

export interface RegistryPorts {
  readonly store: Store;
  /** Wall clock, milliseconds since 1970. */
  readonly now: () => number;
  /** SHA-256 of bytes, or of a text's UTF-8, in lower case hex. */
  readonly sha256: (data: Uint8Array | string) => Sha256;
}

/** Handed to every rule. One per process and store: its queues keep changes from getting in each other's way. */
export interface Registry {
  readonly ledger: Ledger;
  readonly now: () => number;
  readonly sha256: (data: Uint8Array | string) => Sha256;
}

export function createRegistry({ store, now, sha256 }: RegistryPorts): Registry {
  return { ledger: new Ledger(store), now, sha256 };
}
