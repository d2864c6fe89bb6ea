import type { Socket } from 'node:net';
import { freeAddresses } from './cluster.ts';
import { HandMadeLink } from './hand-made-link.ts';

/** A man in the middle: has a TLS channel with either side, and passes on all that they say. */
export class Splice {
  readonly address: string;
  readonly relayed: string[] = [];
  readonly #close: () => Promise<void>;

  private constructor(address: string, relayed: string[], close: () => Promise<void>) {
    this.address = address;
    this.relayed = relayed;
    this.#close = close;
  }

  static async to(target: string): Promise<Splice> {
    const [address = ''] = await freeAddresses(1);
    const relayed: string[] = [];
    const ends: Socket[] = [];
    const listener = await HandMadeLink.listen(address, async (near) => {
      ends.push(near.socket);
      // Its own door may be shut on it, as a stranger's is when many come.
      const far = await HandMadeLink.to(target).catch(() => undefined);
      if (!far) {
        near.socket.destroy();
        return;
      }
      ends.push(far.socket);
      void pass(near, far, relayed);
      void pass(far, near, relayed);
    });
    return new Splice(address, relayed, async () => {
      for (const end of ends) end.destroy();
      await new Promise((resolve) => listener.close(resolve));
    });
  }

  close(): Promise<void> {
    return this.#close();
  }
}

async function pass(from: HandMadeLink, to: HandMadeLink, relayed: string[]): Promise<void> {
  for (let line = await from.hear(); line !== undefined; line = await from.hear()) {
    relayed.push(line);
    to.say(line);
  }
  to.socket.destroy();
}
