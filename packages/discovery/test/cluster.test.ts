import { openLeaderStatement } from '@cloud-steg/envelope';
import { ClusterStatus, type ElectionRecord } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import { ALICE, CLUSTER_KEY, ELSEWHERE, HERE, Server, START } from './fixtures.ts';

describe('every node', () => {
  it('answers for itself, whether it leads, follows or knows of no leader', async () => {
    const server = await Server.create();
    const leading = await server.call(ClusterStatus, 'GET', '/status');
    expect(leading).toMatchObject({
      status: 'ok',
      is_leader: true,
      current_leader: '127.0.0.1:5001',
      leader_url: HERE,
      term: 1,
      version: '1.2.3',
      now: START,
      nodes: [
        { id: '127.0.0.1:5001', role: 'leader', term: 1, cpuPercent: 3.5, lagMs: null, lastSeenMs: 0 },
        { id: '127.0.0.1:5002', role: 'follower', term: 1, cpuPercent: 7, lagMs: 1.5, lastSeenMs: 250 },
      ],
    });
    server.leadership.follow();
    const following = await server.call(ClusterStatus, 'GET', '/status');
    expect(following).toMatchObject({ status: 'ok', is_leader: false, leader_url: ELSEWHERE });
    if (!following.leader_statement) throw new Error('a known leader is stated');
    expect(openLeaderStatement(CLUSTER_KEY.publicKey, following.leader_statement).url).toBe(ELSEWHERE);
    server.leadership.lose();
    expect(await server.call(ClusterStatus, 'GET', '/status')).toMatchObject({
      status: 'no_leader',
      current_leader: null,
      leader_statement: null,
    });
  });

  it('tells of the elections it knows, with their cause and age', async () => {
    const server = await Server.create();
    server.leadership.elections = [election(1, 'first', 9000), election(2, 'ended', 40)];
    const { elections } = await server.call(ClusterStatus, 'GET', '/status');
    expect(elections).toEqual(server.leadership.elections);
  });

  it('is healthy while it runs, ready while somebody leads and the store can be read', async () => {
    const server = await Server.create();
    expect(await server.outcome('GET', '/readyz')).toBe('200');
    server.leadership.follow();
    expect(await server.outcome('GET', '/readyz')).toBe('200');
    server.leadership.lose();
    expect(await server.outcome('GET', '/readyz')).toBe('503 cluster/no-leader');
    server.leadership.lead(1);
    await server.store.close();
    expect(await server.outcome('GET', '/readyz')).toBe('503 store/unavailable');
    expect(await server.outcome('GET', '/healthz')).toBe('200');
  });

  it('counts what it answers, by route and not by path', async () => {
    const server = await Server.create();
    await server.register(ALICE);
    await server.send('POST', '/heartbeat', {
      as: ALICE,
      body: { username: 'alice', seq: 1, addresses: [{ host: '127.0.0.1', port: 6000 }] },
    });
    await server.send('GET', '/users/alice');
    await server.send('GET', '/users/nobody');
    const text = await (await server.send('GET', '/metrics')).text();
    expect(text).toContain('cloud_steg_is_leader 1\n');
    expect(text).toContain('cloud_steg_online_users 1\n');
    expect(text).toContain(
      'cloud_steg_request_seconds_count{method="GET",route="/users/:username",status="200"} 1\n',
    );
    expect(text).toContain(
      'cloud_steg_request_seconds_count{method="GET",route="/users/:username",status="404"} 1\n',
    );
  });

  it('measures its part in the election', async () => {
    const server = await Server.create();
    const text = await metricsOf(server);
    expect(text).toContain('cloud_steg_term 1\n');
    expect(text).toContain('cloud_steg_role{role="leader"} 1\n');
    expect(text).toContain('cloud_steg_role{role="follower"} 0\n');
    expect(text).toContain('cloud_steg_node_last_seen_seconds{node="127.0.0.1:5001"} 0\n');
    expect(text).toContain('cloud_steg_node_last_seen_seconds{node="127.0.0.1:5002"} 0.25\n');
    expect(text).toContain('cloud_steg_node_lag_seconds{node="127.0.0.1:5002"} 0.0015\n');
    expect(text).not.toContain('cloud_steg_node_lag_seconds{node="127.0.0.1:5001"}');
  });

  it('has no figure for what it does not know', async () => {
    const server = await Server.create();
    server.leadership.other = {
      ...server.leadership.other,
      role: 'unknown',
      term: null,
      cpuPercent: null,
      lagMs: null,
      lastSeenMs: null,
    };
    expect(await metricsOf(server)).not.toContain('{node="127.0.0.1:5002"}');
    // A follower knows lags by hearsay: the leader's are the ones to go by.
    server.leadership.follow();
    expect(await metricsOf(server)).not.toContain('cloud_steg_node_lag_seconds{');
  });

  it('counts each election once, also those it has forgotten by the time somebody looks', async () => {
    const server = await Server.create();
    expect(await metricsOf(server)).toContain('cloud_steg_elections_total{cause="ended"} 0\n');
    server.leadership.elections = [election(1, 'first', 0), election(2, 'ended', 0)];
    await server.app.tick();
    server.leadership.elections = [election(2, 'ended', 1000), election(3, 'ended', 0)];
    await server.app.tick();
    const text = await metricsOf(server);
    expect(text).toContain('# TYPE cloud_steg_elections_total counter\n');
    expect(text).toContain('cloud_steg_elections_total{cause="first"} 1\n');
    expect(text).toContain('cloud_steg_elections_total{cause="ended"} 2\n');
  });

  it('describes every route in its OpenAPI document', async () => {
    const server = await Server.create();
    const document = (await (await server.send('GET', '/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { security?: object[]; parameters: { name: string }[] }>>;
    };
    expect(document.openapi).toBe('3.1.0');
    for (const route of server.app.routes) {
      const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
      const operation = document.paths[path]?.[route.method.toLowerCase()];
      expect(operation?.security !== undefined).toBe(route.signing !== undefined);
    }
    expect(document.paths['/grants/{id}/events']?.['get']?.parameters.map(({ name }) => name)).toEqual([
      'id',
      'limit',
      'after',
    ]);
  });
});

function election(term: number, cause: ElectionRecord['cause'], agoMs: number): ElectionRecord {
  return { term, leader: '127.0.0.1:5001', cause, agoMs };
}

async function metricsOf(server: Server): Promise<string> {
  return (await server.send('GET', '/metrics')).text();
}
