/** The leader dies, freezes and leaves, again and again, while people write and open: nobody notices. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, type ClusterServer, Sandbox, statusOf, until } from './sandbox.ts';
import { Pair, Tally } from './workload.ts';

const PAIRS = 6;
/** Each round has a blow of each kind; on a busy machine the first has to do. */
const ROUNDS_MAX = 2;
const NO_ROUND_AFTER_MS = 20_000;
/** What every call may take, whatever happens meanwhile. */
const DEADLINE_MS = 20_000;
/** Answers that the clients must be given before the next blow falls. */
const ANSWERS_BETWEEN_BLOWS = 30;
/** A frozen leader is woken after this long, even if it keeps its successor from writing. */
const FREEZE_MS_MAX = 8_000;

const sandbox = new Sandbox();
let cluster: Cluster;

beforeAll(async () => {
  cluster = await sandbox.startCluster();
});
afterAll(() => sandbox.close());

/** Each takes the leader out of office, and has it back among the others in the end. */
const blows: Record<string, (leader: ClusterServer) => Promise<void>> = {
  SIGKILL: async (leader) => {
    await leader.process.end('SIGKILL');
    await othersLead(leader);
    await leader.restart();
  },
  SIGSTOP: async (leader) => {
    const { child } = leader.process;
    child.kill('SIGSTOP');
    await othersLead(leader, FREEZE_MS_MAX).catch(() => {});
    child.kill('SIGCONT');
    await othersLead(leader);
    // Its successor may have had to end it.
    if (child.exitCode !== null || child.signalCode !== null) await leader.restart();
  },
  SIGTERM: async (leader) => {
    expect(await leader.process.end('SIGTERM')).toBe(0);
    await othersLead(leader);
    await leader.restart();
  },
};

async function othersLead(old: ClusterServer, deadlineMs?: number): Promise<void> {
  const others = cluster.servers.filter((server) => server !== old);
  const leads = async (server: ClusterServer) => (await statusOf(server))?.is_leader;
  await until(
    `another leader than ${old.node}`,
    async () => (await Promise.all(others.map(leads))).includes(true),
    deadlineMs,
  );
}

async function everyNodeFollows(): Promise<void> {
  await until('every node to know the leader', async () => {
    const all = await Promise.all(cluster.servers.map(statusOf));
    return all.every((status) => status?.current_leader && status.current_leader === all[0]?.current_leader);
  });
}

describe('a leader that is killed, frozen or stopped', () => {
  it('costs its users neither an error nor a view, and counts nothing twice', async () => {
    const tally = new Tally(DEADLINE_MS);
    const servers = cluster.servers.map(({ url }) => url);
    const pairs = Array.from({ length: PAIRS }, (_, n) => new Pair(n, servers, tally));
    await Promise.all(pairs.map((pair) => pair.register()));
    const enough = new AbortController();
    const work = pairs.map((pair) => pair.work(enough.signal));
    const answersMore = async (what: string) => {
      const before = tally.answers;
      await until(`answers ${what}`, () => tally.answers >= before + ANSWERS_BETWEEN_BLOWS || failed());
    };
    const failed = () => tally.errors.length > 0;

    const began = performance.now();
    for (let round = 0; round < ROUNDS_MAX && !failed(); round++) {
      if (round > 0 && performance.now() - began > NO_ROUND_AFTER_MS) break;
      for (const [signal, strike] of Object.entries(blows)) {
        await everyNodeFollows();
        await answersMore(`before ${signal}`);
        const leader = await cluster.leader();
        await strike(leader);
        await answersMore(`after ${signal}`);
      }
    }
    enough.abort();
    await Promise.all(work);
    expect(tally.errors).toEqual([]);
    expect(tally.slowestMs).toBeLessThanOrEqual(DEADLINE_MS);

    const records = await Promise.all(pairs.map((pair) => pair.records()));
    const requests = records.flatMap((record) => record.requests);
    expect(requests.toSorted()).toEqual([...tally.requests].toSorted());
    const grants = records.flatMap((record) => record.grants);
    expect(grants).toHaveLength(tally.views.size);
    for (const { id, used } of grants) expect([id, used]).toEqual([id, tally.views.get(id)?.size]);
    for (const [n, pair] of pairs.entries()) {
      for (const { id } of records[n]?.grants ?? []) {
        expect(await pair.openings(id)).toEqual([...(tally.views.get(id) ?? [])]);
      }
    }
  });

  it('leaves no process behind', async () => {
    await sandbox.close();
    for (const { process } of cluster.servers) {
      expect([process.child.exitCode, process.child.signalCode]).not.toEqual([null, null]);
    }
  });
});
