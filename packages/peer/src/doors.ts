/** A peer's door: how many may stand in it, so that no crowd of strangers keeps those out whom the user knows. */

import type { Socket } from 'node:net';
import {
  AppError,
  DELIVERIES_MAX,
  DELIVERIES_PER_REMOTE_MAX,
  PEER_HANDSHAKES_MAX,
  PEER_SOCKETS_OF_STRANGERS_MAX,
  PEER_SOCKETS_OF_STRANGERS_PER_ADDRESS_MAX,
  PEER_SOCKETS_PER_REMOTE_MAX,
  type PublicKey,
} from '@cloud-steg/protocol';

/** One connection that has shown its key. */
export interface Visitor {
  readonly key: PublicKey;
  /** The other end's IP address. */
  readonly address: string;
  /** A contact, or the user's own program. Anybody can make more keys, so other keys are counted together. */
  readonly known: boolean;
}

export class Doors {
  readonly #arriving = new Set<Socket>();
  readonly #visitors = new Set<Visitor>();
  readonly #deliveries = new Map<PublicKey, Set<string>>();

  /**
   * Notes a socket that has shown no key yet. One too many closes the oldest: an honest handshake is over within moments, so
   * who lingers in it is not waited for.
   */
  greet(socket: Socket): void {
    this.#arriving.add(socket);
    socket.once('close', () => this.#arriving.delete(socket));
    const [oldest] = this.#arriving;
    if (this.#arriving.size > PEER_HANDSHAKES_MAX) oldest?.destroy();
  }

  /** The socket has shown a key. */
  handshaken(address: string | undefined, port: number | undefined): void {
    for (const socket of this.#arriving) {
      if (socket.remoteAddress === address && socket.remotePort === port) this.#arriving.delete(socket);
    }
  }

  /** Whether this visitor may come in; if so, `leave` must follow. */
  enter(visitor: Visitor): boolean {
    const inside = [...this.#visitors];
    if (inside.filter(({ key }) => key === visitor.key).length >= PEER_SOCKETS_PER_REMOTE_MAX) return false;
    if (!visitor.known) {
      const strangers = inside.filter(({ known }) => !known);
      const near = strangers.filter(({ address }) => address === visitor.address);
      if (strangers.length >= PEER_SOCKETS_OF_STRANGERS_MAX) return false;
      if (near.length >= PEER_SOCKETS_OF_STRANGERS_PER_ADDRESS_MAX) return false;
    }
    this.#visitors.add(visitor);
    return true;
  }

  leave(visitor: Visitor): void {
    this.#visitors.delete(visitor);
  }

  /** Runs one delivery within the limits. Throws `peer/busy`. */
  async delivering<T>(key: PublicKey, id: string, run: () => Promise<T>): Promise<T> {
    const own = this.#deliveries.get(key) ?? new Set();
    const total = [...this.#deliveries.values()].reduce((sum, ids) => sum + ids.size, 0);
    if (own.has(id) || own.size >= DELIVERIES_PER_REMOTE_MAX || total >= DELIVERIES_MAX) {
      throw new AppError('peer/busy', 'as many deliveries as allowed are under way', {
        hint: 'try again in a moment',
      });
    }
    this.#deliveries.set(key, own.add(id));
    try {
      return await run();
    } finally {
      own.delete(id);
      if (own.size === 0) this.#deliveries.delete(key);
    }
  }

  /** Closes whoever has shown no key yet. */
  close(): void {
    for (const socket of this.#arriving) socket.destroy();
  }
}
