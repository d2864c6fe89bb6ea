import {
  Election,
  type ElectionStart,
  type Input,
  type Message,
  type Outputs,
  readElectionConfig,
} from '../src/index.ts';

export const A = '127.0.0.1:5001';
export const B = '127.0.0.1:5002';
export const C = '127.0.0.1:5003';

/** Default timings: heartbeat 1000, election timeouts 2000 and 5000, net timeout and retry 1000, all in ms. */
export const CLUSTER = { this_node: A, peers: [B, C] };

type Answer = Partial<Extract<Message, { kind: 'CpuResp' }>>;

/**
 * Node A alone on the stage; B and C are played by the test, and all dice show 0. What A does comes back as
 * lines: `persist term 2 vote A`, `to B: Vote term 2`, `becomes candidate (why)`.
 */
export class Scene {
  now = 0;
  readonly election: Election;
  #lastPollId = -1;
  #lastCampaignId = -1;
  #sent: Message[] = [];
  /** Number of A's last question after a lost disk. */
  recoveryId = -1;
  readonly #lastSeqTo = new Map<string, number>();

  constructor(start: Partial<ElectionStart> = {}, keys: object = CLUSTER) {
    this.election = new Election({
      config: readElectionConfig(keys),
      httpUrl: 'http://127.0.0.1:8000',
      process: 'a1',
      durable: undefined,
      storeTerm: 0,
      now: 0,
      random: () => 0,
      ...start,
    });
  }

  step(input: Input): string[] {
    const outputs = this.election.step(this.now, input);
    for (const { to, message } of outputs.send) {
      this.#sent.push(message);
      if (message.kind === 'GetCpu') this.#lastPollId = message.pollId;
      if (message.kind === 'Vote') this.#lastCampaignId = message.campaignId;
      if (message.kind === 'Recover') this.recoveryId = message.requestId;
      if ('seq' in message) this.#lastSeqTo.set(to, message.seq);
    }
    return toLines(outputs);
  }

  /** The messages that A sends while `act` runs, whole. */
  sent(act: () => unknown): Message[] {
    this.#sent = [];
    act();
    return this.#sent;
  }

  hear(from: string, message: Message): string[] {
    return this.step({ kind: 'message', from, message });
  }

  /** Lets time pass up to the next deadline, and ticks. */
  tick(): string[] {
    this.now = Math.max(this.now, this.election.nextDeadline());
    return this.step({ kind: 'tick' });
  }

  /** Lets `ms` pass, with every tick that falls due. */
  wait(ms: number): string[] {
    const end = this.now + ms;
    const seen: string[] = [];
    while (this.election.nextDeadline() <= end) seen.push(...this.tick());
    this.now = end;
    return seen;
  }

  /** `from` answers A's last poll; without further words it would vote for A. */
  answerPoll(from: string, answer: Answer = {}): string[] {
    return this.hear(from, {
      kind: 'CpuResp',
      term: this.election.term,
      pollId: this.#lastPollId,
      cpuPercent: 50,
      grant: true,
      waitMs: 0,
      leader: null,
      ...answer,
    });
  }

  vote(from: string): string[] {
    return this.#answerVote(from, this.election.term, true);
  }

  refuseVote(from: string): string[] {
    return this.#answerVote(from, this.election.term - 1, false);
  }

  #answerVote(from: string, term: number, granted: boolean): string[] {
    return this.hear(from, { kind: 'VoteResp', term, campaignId: this.#lastCampaignId, granted });
  }

  /** `from` leads `term` and sends a heartbeat. */
  heartbeat(from: string, term: number, loads: Record<string, number> = {}, process = 'p1'): string[] {
    return this.hear(from, {
      kind: 'Heartbeat',
      term,
      process,
      cause: 'first',
      leadingMs: 0,
      seq: 1,
      leadingCostPoints: 10,
      nodes: Object.entries(loads).map(([id, cpuPercent]) => ({
        id,
        url: `http://${id}`,
        cpuPercent,
        term,
        lagMs: 1,
        ageMs: 0,
      })),
    });
  }

  /** `from` acknowledges the last heartbeat that A sent it. */
  ack(from: string, cpuPercent = 30): string[] {
    const { term } = this.election;
    const seq = this.#lastSeqTo.get(from) ?? 0;
    return this.hear(from, { kind: 'HeartbeatAck', term, seq, cpuPercent, httpUrl: `http://${from}` });
  }

  /** Makes A, idle, the leader. */
  lead(): void {
    this.step({ kind: 'cpu', percent: 0 });
    this.tick();
    this.answerPoll(B);
    this.answerPoll(C);
    this.vote(B);
  }

  get role(): string {
    return this.election.view(this.now).role;
  }

  get hasLease(): boolean {
    return this.now < this.election.leaseEnd();
  }
}

function toLines({ claim, persist, send, became, refused }: Outputs): string[] {
  return [
    ...(claim === undefined ? [] : [`claims term ${claim}`]),
    ...(persist ? [`persist term ${persist.term} vote ${nameOf(persist.votedFor)}`] : []),
    ...send.map(({ to, message }) => `to ${nameOf(to)}: ${summaryOf(message)}`),
    ...became.map(
      ({ role, why }) => `becomes ${role} (${why.replace(A, 'A').replace(B, 'B').replace(C, 'C')})`,
    ),
    ...refused.map(({ from, why }) => `refuses ${nameOf(from)}: ${why}`),
  ];
}

function nameOf(id: string | null): string {
  return (
    new Map([
      [A, 'A'],
      [B, 'B'],
      [C, 'C'],
    ]).get(id ?? '') ??
    id ??
    'none'
  );
}

/** The message's kind, its term and what it says in one word. */
function summaryOf(message: Message): string {
  const term = 'term' in message ? ` term ${message.term}` : '';
  const answer =
    message.kind === 'CpuResp'
      ? message.grant
        ? ', yes'
        : `, no for ${Math.round(message.waitMs)} ms`
      : message.kind === 'VoteResp'
        ? message.granted
          ? ', yes'
          : ', no'
        : '';
  return message.kind + term + answer;
}
