import { afterEach, expect, it, vi } from 'vitest';
import { eventually, TestCluster } from './cluster.ts';

const YEAR_MS = 366 * 24 * 60 * 60 * 1000;

let cluster: TestCluster;
afterEach(async () => {
  vi.useRealTimers();
  await cluster.end();
});

it('a wall clock that jumps by years, back and forth, does nothing', async () => {
  cluster = await TestCluster.started(3, { heartbeat_interval_ms: 100 });
  const { id, term } = await cluster.leader();
  const changes: string[] = [];
  for (const node of cluster.nodes.values()) {
    await eventually('all to follow', () => (node.status().leader === id ? true : undefined));
    node.onChange(() => changes.push(JSON.stringify(node.status())));
  }
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'] });
  for (const jumpMs of [10 * YEAR_MS, -10 * YEAR_MS, 0, 40 * YEAR_MS, -20 * YEAR_MS]) {
    vi.setSystemTime(now + jumpMs);
    const jumpedAt = performance.now();
    for (const node of cluster.nodes.values()) {
      await eventually('a heartbeat after the jump', () => {
        const line = node.status().nodes.find((each) => each.id === id);
        return (line?.lastSeenMs ?? Infinity) < performance.now() - jumpedAt ? true : undefined;
      });
    }
  }
  expect(changes).toEqual([]);
  expect(cluster.leaders()).toMatchObject([{ id, term }]);
});

it('a wall clock of another year keeps nobody from connecting, electing and following', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(Date.now() - 30 * YEAR_MS);
  cluster = await TestCluster.started(2);
  vi.setSystemTime(Date.now() + 60 * YEAR_MS);
  const { id, term } = await cluster.leader();
  await cluster.stop(id);
  vi.setSystemTime(Date.now() - 30 * YEAR_MS);
  await cluster.start(id);
  expect((await cluster.leader(term)).term).toBeGreaterThan(term);
});
