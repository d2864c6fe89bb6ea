/** A short share of `npm run bench:failover`: a leader that dies, falls silent or is told to stop costs no write. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FailoverCluster, TIMINGS } from '../../bench/src/failover-cluster.ts';
import { type Fault, runTrial } from '../../bench/src/failover-trial.ts';
import { ContinuousWriter } from '../../bench/src/failover-writer.ts';

const ended = new AbortController();
let cluster: FailoverCluster;
let writer: ContinuousWriter;

beforeAll(async () => {
  cluster = await FailoverCluster.start(TIMINGS.fast, ended.signal);
  await cluster.healthyLeader();
  writer = await ContinuousWriter.start(cluster.servers.map(({ url }) => url));
});
afterAll(async () => {
  ended.abort();
  writer?.abandon();
  await cluster?.close();
});

describe('while a client writes without pause', () => {
  it.each<[Fault, 'continue' | 'restart']>([
    ['kill', 'restart'],
    ['stop', 'continue'],
    ['stop', 'restart'],
    ['stop-writing', 'continue'],
    ['term', 'restart'],
  ])('another server takes over after %s (%s)', async (fault, recovery) => {
    const { victim, successor } = await runTrial(cluster, writer, fault, recovery);
    expect(successor).not.toBe(victim);
  });

  it('every acknowledged write is there once, and none failed', async () => {
    await cluster.healthyLeader();
    await writer.stop();
    const { written, ...trouble } = await writer.tally();
    expect(trouble).toEqual({ lost: 0, doubled: 0, strange: 0, failed: 0 });
    expect(written).toBeGreaterThan(0);
  });
});
