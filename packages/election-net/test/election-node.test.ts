import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Message, readElectionConfig, readFrame, writeFrame } from '@cloud-steg/election';
import { TERM_JUMP_MAX } from '@cloud-steg/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { answerDialer } from '../src/handshake.ts';
import { type Clock, startElectionNode, systemClock } from '../src/index.ts';
import { linkKey } from '../src/link-proof.ts';
import { eventually, SECRET, TestCluster } from './cluster.ts';
import { HandMadeLink } from './hand-made-link.ts';

let cluster: TestCluster;
afterEach(() => cluster.end());

/** Fails its node on demand, at the next timer: the node then falls silent at once. */
class BreakableClock implements Clock {
  breaks = false;
  #inTimer = false;

  after(ms: number, run: () => void): () => void {
    return systemClock.after(ms, () => {
      this.#inTimer = true;
      run();
      this.#inTimer = false;
    });
  }

  now(): number {
    if (!this.breaks || !this.#inTimer) return systemClock.now();
    this.breaks = false;
    throw new Error('clock is broken');
  }
}

describe('three nodes', () => {
  it('elect one, and all know it and its address', async () => {
    cluster = await TestCluster.started(3);
    const { id, term } = await cluster.leader();
    for (const node of cluster.nodes.values()) {
      await eventually('the leader to be known', () => (node.status().leader === id ? true : undefined));
      expect(node.status()).toMatchObject({ leader: id, leaderUrl: cluster.urlOf(id), term });
    }
    expect(cluster.leaders()).toHaveLength(1);
    expect(cluster.claims).toEqual([{ term, id }]);
  });

  it('each answer for all', async () => {
    cluster = await TestCluster.started(3);
    const sorted = [...cluster.ids].sort();
    for (const node of cluster.nodes.values()) {
      const { leader, nodes } = await eventually('all nodes to be known', () => {
        const status = node.status();
        const complete = status.leader !== null && status.nodes.every(({ role }) => role !== 'unknown');
        return complete ? status : undefined;
      });
      expect(nodes.map(({ id }) => id)).toEqual(sorted);
      expect(nodes.map(({ url }) => url)).toEqual(sorted.map((id) => cluster.urlOf(id)));
      expect(nodes.map(({ cpuPercent }) => cpuPercent)).toEqual([20, 20, 20]);
      expect(nodes.flatMap(({ id, role }) => (role === 'leader' ? [id] : []))).toEqual([leader]);
    }
  });

  it('show a node that was never there as unknown', async () => {
    cluster = await TestCluster.of(3);
    const [a = '', b = '', c = ''] = cluster.ids;
    await cluster.start(a);
    await cluster.start(b);
    const { node } = await cluster.leader();
    expect(node.status().nodes.find(({ id }) => id === c)).toEqual({
      id: c,
      url: null,
      role: 'unknown',
      term: null,
      cpuPercent: null,
      lagMs: null,
      lastSeenMs: null,
    });
  });

  it('have a leader of a later term after the leader was stopped, which had handed over', async () => {
    cluster = await TestCluster.started(3);
    const { id, term } = await cluster.leader();
    await cluster.stop(id);
    const next = await cluster.leader(term);
    expect(next.id).not.toBe(id);
    expect(cluster.log.map(({ fields }) => fields['why'])).toContain(`handed over by ${id}`);
  });

  it('see a leader off that knows its successor, so that it can name it', async () => {
    cluster = await TestCluster.started(3);
    const { id, node } = await cluster.leader();
    const known: (string | null)[] = [];
    node.onChange(() => known.push(node.status().leader));
    await node.stop();
    expect(cluster.ids.filter((other) => other !== id)).toContain(known.at(-1));
  });

  it('let a leader go that is the last of them', async () => {
    cluster = await TestCluster.started(2);
    const { id } = await cluster.leader();
    for (const other of cluster.ids) if (other !== id) await cluster.stop(other);
    await cluster.stop(id);
    expect(cluster.leaders()).toEqual([]);
  });

  it('have a leader of a later term after the leader vanished', async () => {
    cluster = await TestCluster.of(3);
    const failed: string[] = [];
    const clocks = new Map<string, BreakableClock>();
    for (const id of cluster.ids) {
      const clock = new BreakableClock();
      clocks.set(id, clock);
      await cluster.start(id, { clock, onFailure: () => failed.push(id) });
    }
    const { id, term } = await cluster.leader();
    const clock = clocks.get(id);
    if (clock) clock.breaks = true;
    const next = await cluster.leader(term);
    expect(next.id).not.toBe(id);
    expect(failed).toEqual([id]);
    expect(cluster.log.map(({ fields }) => fields['why'])).not.toContain(`handed over by ${id}`);
  });

  it('elect another without waiting for the lease to end where the leader’s process has ended', async () => {
    // Far longer than any test may take: a promise that binds would show.
    const patience = {
      heartbeat_interval_ms: 100,
      election_timeout_min_ms: 60_000,
      election_timeout_max_ms: 61_000,
    };
    cluster = await TestCluster.of(3, patience);
    const clocks = new Map<string, BreakableClock>();
    for (const id of cluster.ids) {
      const clock = new BreakableClock();
      clocks.set(id, clock);
      await cluster.start(id, { clock });
    }
    const { id, term } = await cluster.leader();
    await eventually('all to follow', () =>
      [...cluster.nodes.values()].every((node) => node.status().leader === id) ? true : undefined,
    );
    cluster.gone.add(cluster.processOf(id));
    const clock = clocks.get(id);
    if (clock) clock.breaks = true;
    const next = await cluster.leader(term);
    expect(next.id).not.toBe(id);
    expect(cluster.log).toContainEqual({
      level: 'info',
      event: 'election.process-ended',
      fields: { peer: id, process: cluster.processOf(id) },
    });
  });

  it('keep their term and vote over restarts of all', async () => {
    cluster = await TestCluster.started(3);
    const { term } = await cluster.leader();
    for (const id of cluster.ids) await cluster.stop(id);
    for (const id of cluster.ids) await cluster.start(id);
    expect((await cluster.leader(term)).term).toBeGreaterThan(term);
  });

  it('tell who listens about a change of leadership', async () => {
    cluster = await TestCluster.of(3);
    const seen: (string | null)[] = [];
    const [first = '', ...others] = cluster.ids;
    const node = await cluster.start(first);
    node.onChange(() => seen.push(node.status().leader));
    for (const id of others) await cluster.start(id);
    const { id } = await cluster.leader();
    await eventually('the news', () => (seen.includes(id) ? true : undefined));
    expect(seen.at(-1)).toBe(id);
  });
});

/** Would make its sender the leader for all time, at an address of its choice. */
const usurpation: Message = {
  kind: 'LeaderAnnounce',
  term: Number.MAX_SAFE_INTEGER,
  process: 'usurper',
  cause: 'first',
  leadingMs: 0,
  seq: 1,
  nodes: [{ id: '127.0.0.1:5001', url: 'http://127.0.0.1:666', cpuPercent: 0, term: 1, lagMs: 0, ageMs: 0 }],
  leadingCostPoints: 0,
};

describe('a node', () => {
  it('with another secret stays alone, and the others elect without it', async () => {
    cluster = await TestCluster.of(3);
    const [stranger = '', ...others] = cluster.ids;
    const alone = await cluster.start(stranger, { secret: new Uint8Array(32).fill(8) });
    for (const id of others) await cluster.start(id);
    const { id, node } = await cluster.leader();
    expect(others).toContain(id);
    expect(node.status().nodes.find((line) => line.id === stranger)?.role).toBe('unknown');
    expect(alone.status()).toMatchObject({ leader: null, term: 0 });
    expect(cluster.log).toContainEqual({
      level: 'warn',
      event: 'election.connection-refused',
      fields: expect.objectContaining({ message: expect.stringContaining('did not prove') }),
    });
  });

  it('believes not even a member that leaps over a million terms', async () => {
    cluster = await TestCluster.of(3);
    const [reader = '', liar = ''] = cluster.ids;
    const node = await cluster.start(reader);
    const { config } = cluster.optionsFor(liar);
    const link = await HandMadeLink.to(reader);
    await link.prove(config, linkKey(SECRET), reader);
    link.say(writeFrame(usurpation));
    const line = await eventually('the refusal', () =>
      cluster.log.find(({ event }) => event === 'election.message-refused'),
    );
    expect(line).toMatchObject({
      level: 'warn',
      fields: { from: liar, why: expect.stringContaining(`over ${TERM_JUMP_MAX} above this node’s 0`) },
    });
    expect(node.status()).toMatchObject({ leader: null, term: 0 });
    link.say(writeFrame({ ...usurpation, term: TERM_JUMP_MAX }));
    await eventually('a leader', () => node.status().leader ?? undefined);
    expect(node.status()).toMatchObject({ leader: liar, term: TERM_JUMP_MAX });
    link.socket.destroy();
  });

  it('does not serve before the store has granted its claim', async () => {
    cluster = await TestCluster.of(1);
    const [id = ''] = cluster.ids;
    let grant = (_granted: boolean): void => {};
    const asked = new Promise<number>((resolve) => {
      void cluster.start(id, {
        claimTerm: (term) => {
          resolve(term);
          return new Promise((answer) => {
            grant = answer;
          });
        },
      });
    });
    expect(await asked).toBe(1);
    expect(cluster.nodes.get(id)?.leading()).toBeUndefined();
    grant(true);
    expect(await cluster.leader()).toMatchObject({ term: 1 });
  });

  it('steps down when the store refuses it, and tries a later term', async () => {
    cluster = await TestCluster.of(1);
    const [id = ''] = cluster.ids;
    await cluster.start(id, { claimTerm: async (term) => term > 2 });
    expect((await cluster.leader()).term).toBe(3);
  });

  it('asks a store that fails again', async () => {
    cluster = await TestCluster.of(1);
    const [id = ''] = cluster.ids;
    let failures = 0;
    await cluster.start(id, {
      claimTerm: async () => {
        if (failures++ === 0) throw new Error('no store');
        return true;
      },
    });
    expect((await cluster.leader()).term).toBe(1);
    expect(cluster.log.map(({ event }) => event)).toContain('election.claim-failed');
  });

  it('alone leads at once and takes no port', async () => {
    cluster = await TestCluster.of(1);
    const [id = ''] = cluster.ids;
    const first = await cluster.start(id);
    expect(await eventually('leadership', () => first.leading())).toEqual({ term: 1 });
    const sameAddress = await startElectionNode({
      ...cluster.optionsFor(id),
      dataDir: join(cluster.dataDir, 'other'),
    });
    expect(await eventually('leadership', () => sameAddress.leading())).toEqual({ term: 2 });
    await sameAddress.stop();
  });

  it('leads no more once stopped', async () => {
    cluster = await TestCluster.of(1);
    const { node } = await cluster.start(cluster.ids[0] ?? '').then(() => cluster.leader());
    await node.stop();
    expect(node.leading()).toBeUndefined();
  });

  it('says which address is not its machine’s', async () => {
    cluster = await TestCluster.of(1);
    // Of a block that is nobody’s (RFC 5737).
    const config = readElectionConfig({ this_node: '192.0.2.1:5001', peers: ['127.0.0.1:5001'] });
    await expect(
      startElectionNode({ ...cluster.optionsFor(cluster.ids[0] ?? ''), config }),
    ).rejects.toMatchObject({
      code: 'usage/bad-config',
      message: 'this_node: cannot listen on 192.0.2.1:5001 (EADDRNOTAVAIL)',
      hint: expect.stringContaining('this machine has no such address'),
      data: { key: 'this_node' },
    });
  });

  it('says which address is in use', async () => {
    cluster = await TestCluster.started(2);
    const [id = ''] = cluster.ids;
    await expect(startElectionNode(cluster.optionsFor(id))).rejects.toMatchObject({
      code: 'server/address-in-use',
      message: `election address ${id} is in use`,
    });
  });

  it('does not start with a damaged state file, and leaves its address free', async () => {
    cluster = await TestCluster.started(2);
    await cluster.leader();
    const [id = ''] = cluster.ids;
    await cluster.stop(id);
    const path = join(cluster.dataDir, 'nodes', id.replace(':', '_'), 'state.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.slice(0, -10));
    await expect(cluster.start(id)).rejects.toMatchObject({ code: 'server/state-damaged' });
    await writeFile(path, text);
    await cluster.start(id);
  });

  it('that lost its disk comes back after asking all others', async () => {
    cluster = await TestCluster.started(3);
    const { id: leaderId, term } = await cluster.leader();
    const lost = cluster.ids.find((id) => id !== leaderId) ?? '';
    await cluster.stop(lost);
    const directory = join(cluster.dataDir, 'nodes', lost.replace(':', '_'));
    await rm(directory, { recursive: true });
    await cluster.start(lost);
    expect(cluster.log.map(({ event }) => event)).toContain('election.disk-lost');
    await eventually('a new state file', () =>
      existsSync(join(directory, 'state.json')) ? true : undefined,
    );
    const text = await readFile(join(directory, 'state.json'), 'utf8');
    const { node, state } = JSON.parse(text) as { node: string; state: { term: number } };
    expect(node).toBe(lost);
    // A busy machine may have had another election meanwhile.
    expect(state.term).toBeGreaterThanOrEqual(term);
  });

  it('does not start where it cannot write its state', async () => {
    cluster = await TestCluster.of(1);
    const [id = ''] = cluster.ids;
    await mkdir(join(cluster.dataDir, 'nodes', id.replace(':', '_'), 'state.json.tmp'), { recursive: true });
    await expect(cluster.start(id)).rejects.toMatchObject({
      code: 'server/state-damaged',
      message: expect.stringContaining('state.json cannot be written (EISDIR)'),
      hint: expect.stringContaining('make room on the disk'),
    });
  });

  it('that can no longer write its state stops and says so', async () => {
    cluster = await TestCluster.of(2);
    const [id = '', other = ''] = cluster.ids;
    const failed = new Promise((resolve) => {
      void cluster.start(id, { onFailure: resolve });
    });
    await eventually('the start', () => cluster.nodes.get(id));
    await mkdir(join(cluster.dataDir, 'nodes', id.replace(':', '_'), 'state.json.tmp'));
    await cluster.start(other);
    expect(await failed).toMatchObject({ code: 'server/state-damaged' });
    expect(cluster.leaders()).toEqual([]);
  });

  it('claims its term while it waits for its lease, and serves with both only', async () => {
    cluster = await TestCluster.of(2);
    const [id = '', mute = ''] = cluster.ids;
    const node = await cluster.start(id);
    const { config } = cluster.optionsFor(mute);
    const link = await HandMadeLink.to(id);
    await link.prove(config, linkKey(SECRET), id);
    const server = await HandMadeLink.listen(mute, async (end) => {
      const hello = await end.hear();
      if (hello === undefined) return;
      end.say(answerDialer({ config, key: linkKey(SECRET) }, end.keying, hello).answer);
      for (let line = await end.hear(); line !== undefined; line = await end.hear()) {
        const message = readFrame(line);
        // Votes, but never acknowledges a heartbeat.
        if (message.kind === 'GetCpu') link.say(writeFrame(pollAnswer(message.pollId, message.term)));
        if (message.kind === 'Vote') link.say(writeFrame(voteAnswer(message.campaignId, message.term)));
      }
    });
    await eventually('the claim', () => cluster.claims[0]);
    expect(node.leading()).toBeUndefined();
    server.close();
    link.socket.destroy();
  });
});

const pollAnswer = (pollId: number, term: number): Message => ({
  kind: 'CpuResp',
  term,
  pollId,
  cpuPercent: 90,
  grant: true,
  waitMs: 0,
  leader: null,
});

const voteAnswer = (campaignId: number, term: number): Message => ({
  kind: 'VoteResp',
  term,
  campaignId,
  granted: true,
});
