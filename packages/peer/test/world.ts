/** A cluster of one server in this process, and peers around it: real HTTP and TLS on loopback, real files. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clusterKeyPair, sha256Hex } from '@cloud-steg/envelope';
import type { Term, Username } from '@cloud-steg/protocol';
import { MemoryStore } from '@cloud-steg/store';
import { createApp } from '../../discovery/src/app.ts';
import { serveHttp } from '../../discovery/src/http-server.ts';
import { localCarrierEngine, secureRandom } from '../src/carrier-engine.ts';
import { type P2pServer, type PeerEvent, startP2pServer } from '../src/p2p-server.ts';
import { openPeer, type Peer } from '../src/peer.ts';
import type { PeerPorts } from '../src/ports.ts';
import { beat } from '../src/presence.ts';
import { register } from '../src/registration.ts';
import type { Display } from '../src/viewing.ts';

export const photo = (name: string) =>
  fileURLToPath(new URL(`../../../examples/photos/${name}`, import.meta.url));

/** What every world's cluster signs with. */
export const CLUSTER_KEY = clusterKeyPair(new Uint8Array(32).fill(3));

export class World {
  readonly folder: string;
  readonly url: string;
  readonly store: MemoryStore;
  /** Added to the clock of every peer. */
  peerClockMs = 0;
  readonly #closing: (() => Promise<void> | void)[];

  private constructor(
    folder: string,
    url: string,
    store: MemoryStore,
    closing: (() => Promise<void> | void)[],
  ) {
    this.folder = folder;
    this.url = url;
    this.store = store;
    this.#closing = closing;
  }

  static async start(): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'peer-world-'));
    const store = new MemoryStore();
    await store.claimTerm(1 as Term, 'test');
    const app = createApp({
      store,
      leadership: {
        leading: () => ({ term: 1 }),
        status: () => ({ id: 'test', term: 1, leader: 'test', leaderUrl: null, nodes: [], elections: [] }),
        onChange: () => () => {},
      },
      clusterKey: CLUSTER_KEY,
      heartbeatTtlMs: 60_000,
      leaderHoldMs: 0,
      after: () => () => {},
      now: Date.now,
      random: secureRandom,
      log: () => {},
      version: 'test',
    });
    const server = await serveHttp('127.0.0.1', 0, app.fetch);
    return new World(folder, `http://127.0.0.1:${server.port}`, store, [
      () => server.close(),
      () => rm(folder, { recursive: true, force: true }),
    ]);
  }

  get ports(): PeerPorts {
    return {
      now: () => Date.now() + this.peerClockMs,
      random: secureRandom,
      log: () => {},
      engine: localCarrierEngine(),
      clusterTimeoutMs: 3_000,
    };
  }

  /** A registered user with a P2P server, online. Each has a data directory of its own, as on machines of their own. */
  async join(name: string, photos: readonly string[] = []): Promise<Member> {
    const username = name as Username;
    const dataDir = join(this.folder, name);
    const address = { host: '127.0.0.1', port: 1 };
    await register(this.ports, {
      dataDir,
      username,
      address,
      imagePaths: photos.map(photo),
      servers: [this.url],
    });
    const member = new Member(this, await openPeer(this.ports, { dataDir, username }));
    this.#closing.unshift(() => member.leave());
    await member.listen();
    return member;
  }

  async close(): Promise<void> {
    for (const close of this.#closing) await close();
  }
}

export class Member {
  peer: Peer;
  readonly world: World;
  readonly events: PeerEvent[] = [];
  #server: P2pServer | undefined;

  constructor(world: World, peer: Peer) {
    this.world = world;
    this.peer = peer;
  }

  get name(): Username {
    return this.peer.username;
  }

  get address() {
    return { host: '127.0.0.1', port: this.#server?.port ?? 1 };
  }

  async listen(): Promise<void> {
    this.#server = await startP2pServer(this.peer, {
      port: 0,
      host: '127.0.0.1',
      onEvent: (event) => this.events.push(event),
    });
    await beat(this.peer, [this.address]);
  }

  /** Stops answering; the cluster still knows the old address. */
  async stopListening(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  /** Everything this process held in memory is gone; what is on disk is opened again. */
  async restart(): Promise<void> {
    const { directory, username } = this.peer;
    await this.stopListening();
    this.peer.close();
    this.peer = await openPeer(this.world.ports, { dataDir: directory.root, username });
  }

  async leave(): Promise<void> {
    await this.stopListening();
    this.peer.close();
  }
}

/** Keeps what it was shown. */
export class Memory implements Display {
  readonly shown: { name: string; sha256: string }[] = [];
  check(): void {}
  async show(picture: { name: string; bytes: Uint8Array }): Promise<void> {
    this.shown.push({ name: picture.name, sha256: sha256Hex(picture.bytes) });
  }
}
