import {
  Election,
  type Input,
  type Message,
  type NodeId,
  type Outputs,
  writeFrame,
} from '@cloud-steg/election';
import { type AppError, toAppError } from '@cloud-steg/protocol';
import type { ElectionNode, ElectionNodeOptions, ElectionStatus } from './election-node.ts';
import { linkKey } from './link-proof.ts';
import { MemberLink } from './member-link.ts';
import type { MemberServer } from './member-server.ts';
import { PeerProcesses } from './peer-processes.ts';
import type { StateFile } from './state-file.ts';
import { statusOf } from './status.ts';
import { TermClaim } from './term-claim.ts';

/** Refused connections and messages are logged at most this often, however many there are. */
const REFUSAL_LOG_MS = 1000;

/** What every member that gets it answers. */
const ANSWERED: ReadonlySet<Message['kind']> = new Set([
  'GetCpu',
  'Vote',
  'LeaderAnnounce',
  'Heartbeat',
  'Recover',
]);

/**
 * The shell around the pure machine: hands it time, messages and load, and performs what it asks for in the order
 * it asks for it. One step ends before the next begins.
 */
export class RunningNode implements ElectionNode {
  readonly #options: ElectionNodeOptions;
  readonly #file: StateFile;
  readonly #server: MemberServer | undefined;
  readonly #election: Election;
  readonly #links: ReadonlyMap<NodeId, MemberLink>;
  readonly #processes: PeerProcesses;
  readonly #claim: TermClaim;
  readonly #listeners = new Set<() => void>();
  #cancelTick = (): void => {};
  #cancelSample = (): void => {};
  /** By what was logged, a closed set of words. */
  readonly #refusalLoggedAt = new Map<string, number>();
  #told = '';
  #left: Promise<void> | undefined;
  #closed = false;

  /** @throws AppError `server/state-damaged`. */
  constructor(options: ElectionNodeOptions, file: StateFile, server?: MemberServer) {
    const { config, httpUrl, storeTerm, clock } = options;
    this.#options = options;
    this.#file = file;
    this.#server = server;
    const durable = file.load();
    file.requireWritable();
    this.#election = new Election({
      config,
      httpUrl,
      process: options.processes.own,
      durable,
      storeTerm,
      now: clock.now(),
      random: () => options.random(),
    });
    if (durable === undefined && storeTerm > 0 && config.peers.length > 0) {
      const message = `no ${file.path}, but the store knows term ${storeTerm}: votes once all others told their term`;
      options.log('warn', 'election.disk-lost', { message });
    }
    this.#processes = new PeerProcesses(options.processes, clock, (peer, process) => {
      options.log('info', 'election.process-ended', { peer, process });
      // What it said last has come too late to be followed.
      server?.hangUp(peer);
      this.step({ kind: 'ended', peer, process });
    });
    this.#links = new Map(config.peers.map((id) => [id, this.#linkTo(id)]));
    this.#claim = new TermClaim(options, {
      standsOrLeads: (term) =>
        !this.#closed && this.#election.term === term && ['candidate', 'leader'].includes(this.#role),
      granted: () => this.#tellChanges(),
      refused: (term) => this.step({ kind: 'fence', term }),
    });
    this.#sampleLoad();
    this.step({ kind: 'tick' });
  }

  leading(): { term: number } | undefined {
    const { term } = this.#election;
    if (this.#closed || this.#claim.grantedTerm !== term || !this.#holdsLease) return undefined;
    return { term };
  }

  status(): ElectionStatus {
    return statusOf(this.#election.view(this.#options.clock.now()));
  }

  onChange(listener: () => void): () => void {
    // A set of wrappers: the same function may listen twice.
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  stop(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  /** Takes one input in and performs what follows from it. A failure to do so ends the node. */
  step(input: Input): void {
    if (this.#closed) return;
    try {
      this.#perform(this.#election.step(this.#options.clock.now(), input));
    } catch (error) {
      this.#fail(toAppError(error));
      return;
    }
    this.#setTick();
    this.#tellChanges();
  }

  /** Takes in what a member said over a connection from `address`. */
  hear(from: NodeId, message: Message, address: string): void {
    this.#links.get(from)?.heard();
    if (message.kind === 'Ping') this.#processes.meet(from, message.process, address);
    this.step({ kind: 'message', from, message });
  }

  /** A connection with a member broke, whichever side had made it. */
  lose(peer: NodeId): void {
    this.#processes.look(peer);
    this.step({ kind: 'linkLost', peer });
  }

  /** Somebody who is no member was hung up on. */
  noteRefused({ code, message, hint }: AppError): void {
    this.#warnSeldom('election.connection-refused', code, { message, ...(hint !== undefined && { hint }) });
  }

  /** Of each event and reason one a second, or else strangers could hide what matters among what does not. */
  #warnSeldom(event: string, reason: string, fields: Readonly<Record<string, unknown>>): void {
    const now = this.#options.clock.now();
    const loggedAt = this.#refusalLoggedAt.get(event + reason) ?? Number.NEGATIVE_INFINITY;
    if (this.#closed || now - loggedAt < REFUSAL_LOG_MS) return;
    this.#refusalLoggedAt.set(event + reason, now);
    this.#options.log('warn', event, fields);
  }

  get #role(): string {
    return this.#election.view(this.#options.clock.now()).role;
  }

  get #holdsLease(): boolean {
    return this.#options.clock.now() < this.#election.leaseEnd();
  }

  #perform({ claim, persist, send, became, refused }: Outputs): void {
    if (claim !== undefined) this.#claim.begin(claim);
    if (persist) this.#file.save(persist);
    for (const { to, message } of send) {
      const link = this.#links.get(to);
      link?.send(writeFrame(message));
      if (ANSWERED.has(message.kind)) link?.expectAnswer();
    }
    for (const { role, term, why } of became) {
      this.#options.log('info', 'election.became', { role, term, why });
    }
    for (const { from, why } of refused) this.#warnSeldom('election.message-refused', from, { from, why });
  }

  #setTick(): void {
    const now = this.#options.clock.now();
    const viewChangesAt = this.#election.viewChangesAt();
    const at = Math.min(this.#election.nextDeadline(), viewChangesAt > now ? viewChangesAt : Infinity);
    this.#cancelTick();
    if (at === Infinity) return;
    this.#cancelTick = this.#options.clock.after(Math.max(0, at - now), () => this.step({ kind: 'tick' }));
  }

  #sampleLoad(): void {
    const percent = this.#options.cpu.sample();
    if (percent !== undefined) this.step({ kind: 'cpu', percent });
    const { clock, config } = this.#options;
    this.#cancelSample = clock.after(config.timings.cpuRefreshMs, () => this.#sampleLoad());
  }

  #linkTo(id: NodeId): MemberLink {
    const { config, secret, clock } = this.#options;
    return new MemberLink({
      config,
      to: id,
      key: linkKey(secret),
      clock,
      greeting: () => writeFrame(this.#election.greeting()),
      onLost: () => this.lose(id),
      onUnreachable: () => this.#processes.look(id),
      onRefused: (error) => this.noteRefused(error),
    });
  }

  #tellChanges(): void {
    const { role, leader, leaderUrl } = this.status();
    const now = JSON.stringify([role, leader, leaderUrl, this.leading()?.term, this.#closed]);
    if (now === this.#told) return;
    this.#told = now;
    for (const listener of this.#listeners) listener();
  }

  async #leave(): Promise<void> {
    const successorDue = this.#role === 'leader' && this.#links.size > 0;
    this.step({ kind: 'stop' });
    // Until a successor is heard of, this node has a vote to give; from then on it can say whom to ask.
    await this.#until(() => this.#role !== 'leader' && !(successorDue && this.status().leader === null));
    await this.#close();
  }

  /** Resolves once it `holds`; the machine's bound for a handover and one net timeout more are long enough for that. */
  async #until(holds: () => boolean): Promise<void> {
    const { clock, config } = this.#options;
    await new Promise<void>((resolve) => {
      const stop = () => {
        stopListening();
        cancel();
        resolve();
      };
      const look = () => {
        if (this.#closed || holds()) stop();
      };
      const stopListening = this.onChange(look);
      const cancel = clock.after(2 * config.timings.netTimeoutMs, stop);
      look();
    });
  }

  #fail(reason: AppError): void {
    this.#options.log('error', 'election.failed', { code: reason.code, message: reason.message });
    void this.#close().then(() => this.#options.onFailure?.(reason));
    this.#tellChanges();
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTick();
    this.#cancelSample();
    this.#processes.close();
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    await this.#server?.close();
  }
}
