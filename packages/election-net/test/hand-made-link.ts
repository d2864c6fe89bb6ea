import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ElectionConfig, splitAddress } from '@cloud-steg/election';
import { DialerHandshake } from '../src/handshake.ts';
import { LineReader } from '../src/line-reader.ts';
import { FrameSealer } from '../src/link-proof.ts';

/** One end of a connection, played by a test: it may say anything, and tells what it hears. */
export class HandMadeLink {
  readonly socket: Socket;
  /** Resolves once the other side has hung up. */
  readonly closed: Promise<void>;
  /** Every line that was sent from here. */
  readonly said: string[] = [];
  readonly #heard: string[] = [];
  #hangsUp = false;
  #wake = (): void => {};

  constructor(socket: Socket) {
    this.socket = socket;
    const reader = new LineReader(1 << 16);
    socket.on('data', (bytes) => {
      this.#heard.push(...reader.push(bytes));
      this.#wake();
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#hangsUp = true;
        this.#wake();
        resolve();
      });
    });
  }

  static async to(address: string): Promise<HandMadeLink> {
    const socket = connect(splitAddress(address));
    const link = new HandMadeLink(socket);
    await once(socket, 'connect');
    return link;
  }

  say(line: string): void {
    this.said.push(line);
    this.socket.write(`${line}\n`);
  }

  /** The next line from the other side; undefined when it hangs up instead. */
  async hear(): Promise<string | undefined> {
    while (this.#heard.length === 0 && !this.#hangsUp) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#heard.shift();
  }

  /** Proves to be `config.thisNode` as a dialer of `listener`, and returns what seals its frames. */
  async prove(config: ElectionConfig, key: Uint8Array, listener: string): Promise<FrameSealer> {
    const handshake = new DialerHandshake({ config, key, nonce: 'n'.repeat(43) }, listener);
    for (;;) {
      const line = await this.hear();
      if (line === undefined) throw new Error(`${listener} hung up`);
      const next = handshake.take(line);
      if (next instanceof FrameSealer) return next;
      this.say(next);
    }
  }
}
