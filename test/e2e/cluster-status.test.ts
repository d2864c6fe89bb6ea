/** What an operator sees of a cluster whose leader is killed. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, type ClusterServer, type Running, Sandbox, statusOf, until } from './sandbox.ts';

interface StatusJson {
  status: string;
  leader: string | null;
  term: number;
  quorum: { inTouch: number; mayFail: number | null };
  nodes: { id: string; role: string; term: number | null; cpuPercent: number | null; lagMs: number | null }[];
  elections: { term: number; leader: string; cause: string; at: number }[];
  findings: { kind: string; node: string; text: string }[];
}

const sandbox = new Sandbox();
let cluster: Cluster;

const status = (...flags: string[]) =>
  sandbox.run('p2p-client', ['cluster', 'status', '--server', cluster.urls, ...flags]);
const watch = (...flags: string[]): Running =>
  sandbox.start('p2p-client', ['cluster', 'watch', '--server', cluster.urls, ...flags]);

/** The status as soon as it is as wanted; what was seen last where it never is. */
async function statusThat(what: string, met: (status: StatusJson) => boolean): Promise<StatusJson> {
  let seen = '';
  await until(what, async () => {
    seen = (await status('--json')).stdout;
    return met(JSON.parse(seen) as StatusJson);
  }).catch((error: Error) => {
    throw new Error(`${error.message}\nlast seen: ${seen}`);
  });
  return JSON.parse(seen) as StatusJson;
}

beforeAll(async () => {
  cluster = await sandbox.startCluster();
});
afterAll(() => sandbox.close());

describe('three servers', () => {
  let leader: ClusterServer;
  let table: Running;
  let lines: Running;

  it('are all shown with role, term, load and lag', async () => {
    const all = await statusThat(
      'all nodes in touch',
      ({ status, quorum, findings }) => status === 'ok' && quorum.inTouch === 3 && findings.length === 0,
    );
    expect(all.quorum.mayFail).toBe(1);
    expect(all.nodes).toHaveLength(3);
    for (const { id, role, term, lagMs } of all.nodes) {
      expect(role).toBe(id === all.leader ? 'leader' : 'follower');
      expect(term).toBe(all.term);
      expect(lagMs === null).toBe(id === all.leader);
    }
    expect(all.elections.at(0)).toMatchObject({ term: all.term, leader: all.leader });
    lines = watch();
    table = watch('--json');
    await lines.says(/leader: 127\.0\.0\.1:\d+ at .*, term \d+; \d of 3 nodes/);
    await table.says(/"event":"watching"/);
  });

  it('show a killed leader as unknown, and why there was an election', async () => {
    leader = await cluster.leader();
    const term = (await statusOf(leader))?.term ?? 0;
    await leader.process.end('SIGKILL');
    const after = await statusThat(
      'another leader',
      (now) => now.status === 'ok' && now.leader !== leader.node && now.quorum.inTouch === 2,
    );
    const killed = after.nodes.find(({ id }) => id === leader.node);
    expect(killed).toMatchObject({
      role: 'unknown',
      term: null,
      cpuPercent: null,
      lagMs: null,
      reason: 'refused',
    });
    expect(after.quorum.mayFail).toBe(0);
    const won = after.elections.findLast((election) => election.term > term);
    expect(won?.cause).toMatch(/^(ended|silence)$/);
    expect(after.findings).toContainEqual(expect.objectContaining({ kind: 'silent', node: leader.node }));

    const { code, stdout } = await status();
    expect(code).toBe(0);
    expect(stdout).toContain('2 of 3 nodes in touch with the leader, 2 needed: no more may fail');
    expect(stdout).toMatch(new RegExp(`${leader.node} +unknown +\\? +\\? +\\? +\\d.*ago +refused`));
    expect(stdout).toMatch(new RegExp(`${leader.node}(’s process ended| fell silent)`));
  });

  it('are watched meanwhile, and the watch ends well', async () => {
    await lines.says(new RegExp(`${leader.node} lost: was \\w+, last heard .* ago \\(refused\\)`));
    await lines.says(/leader: 127\.0\.0\.1:\d+, term \d+: 127\.0\.0\.1:\d+(’s process ended| fell silent)/);
    await table.says(/"event":"leader".*"cause":"(ended|silence)"/);
    expect(await lines.end('SIGINT')).toBe(0);
    expect(await table.end('SIGINT')).toBe(0);
  });

  it('without a majority have no leader, and the one left says so', async () => {
    const next = await cluster.leader();
    await next.process.end('SIGKILL');
    const after = await statusThat('no leader', (now) => now.status === 'no_leader');
    expect(after).toMatchObject({ leader: null, quorum: { inTouch: 1, mayFail: null } });
    expect(after.nodes.map(({ role }) => role).filter((role) => role === 'unknown')).toHaveLength(2);
    const { code, stdout } = await status();
    expect(code).toBe(3);
    expect(stdout).toContain('too few nodes answer here to elect one');
  });
});

describe('a watch', () => {
  it('into a pipe that is closed ends at the next thing it has to say', async () => {
    const watching = watch();
    await watching.says(/leader: none/);
    watching.child.stdout?.destroy();
    for (const { process } of cluster.servers) await process.end('SIGKILL');
    await until('the watch to end', () => watching.child.exitCode !== null);
    expect(watching.child.exitCode).toBe(0);
  });
});
