import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type ElectionConfig, splitAddress } from '@cloud-steg/election';
import { checkListener, introduce } from '../src/handshake.ts';
import { LineReader } from '../src/line-reader.ts';
import { acceptChannel, dialChannel, keyingOf, listenerContext } from '../src/tls-channel.ts';
import { certificate } from './cluster.ts';

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

  /** Encrypted, and no more than that. */
  static async to(address: string): Promise<HandMadeLink> {
    const socket = dialChannel(address, () => {});
    const link = new HandMadeLink(socket);
    await once(socket, 'secureConnect');
    return link;
  }

  /** Without TLS. */
  static async plainTo(address: string): Promise<HandMadeLink> {
    const socket = connect(splitAddress(address));
    const link = new HandMadeLink(socket);
    await once(socket, 'connect');
    return link;
  }

  /** Listens at `address`, encrypted, and gives each connection to `play`. */
  static async listen(address: string, play: (link: HandMadeLink) => void | Promise<void>): Promise<Server> {
    const context = listenerContext(await certificate());
    const server = createServer((raw) => {
      void play(new HandMadeLink(acceptChannel(raw, context)));
    });
    server.listen(splitAddress(address));
    await once(server, 'listening');
    return server;
  }

  /** What this end could prove to hold, if it knew the secret. */
  get keying(): Uint8Array {
    if (!(this.socket instanceof TLSSocket)) throw new Error('not encrypted');
    return keyingOf(this.socket);
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

  /** Proves to be `config.thisNode` as a dialer of `listener`, and has it prove itself. */
  async prove(config: ElectionConfig, key: Uint8Array, listener: string): Promise<void> {
    this.say(introduce({ config, key }, listener, this.keying));
    const line = await this.hear();
    if (line === undefined) throw new Error(`${listener} hung up`);
    checkListener({ config, key }, listener, this.keying, line);
  }
}
