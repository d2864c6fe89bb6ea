import { AppError, CLUSTER_NODES_MAX } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import { readElectionConfig, sizeAdvice, splitAddress } from '../src/index.ts';

const three = { this_node: '127.0.0.1:5001', peers: ['127.0.0.1:5002', '127.0.0.1:5003'] };

function refusal(keys: unknown, thisNode?: string): { message: string; key: unknown } {
  try {
    readElectionConfig(keys, thisNode);
  } catch (error) {
    if (error instanceof AppError && error.code === 'usage/bad-config') {
      return { message: error.message, key: error.data['key'] };
    }
    throw error;
  }
  throw new Error('accepted');
}

describe('the election configuration', () => {
  it('counts the file’s own node among the members and fills in the timings', () => {
    const config = readElectionConfig(three);
    expect(config.members).toEqual(['127.0.0.1:5001', '127.0.0.1:5002', '127.0.0.1:5003']);
    expect(config.peers).toEqual(['127.0.0.1:5002', '127.0.0.1:5003']);
    expect(config.timings).toEqual({
      heartbeatIntervalMs: 1000,
      electionTimeoutMsMin: 2000,
      electionTimeoutMsMax: 5000,
      leaderTermMs: 10_000,
      netTimeoutMs: 1000,
      cpuRefreshMs: 500,
      electionRetryMs: 1000,
    });
  });

  it('lets servers share one file, each saying which of the members it is', () => {
    const second = readElectionConfig(three, '127.0.0.1:5002');
    expect(second.thisNode).toBe('127.0.0.1:5002');
    expect(second.peers).toEqual(['127.0.0.1:5001', '127.0.0.1:5003']);
    expect(second.hash).toBe(readElectionConfig(three).hash);
  });

  it('has another hash with other members or other timings', () => {
    const hashes = [
      three,
      { ...three, peers: ['127.0.0.1:5002'] },
      { ...three, heartbeat_interval_ms: 900 },
    ].map((keys) => readElectionConfig(keys).hash);
    expect(new Set(hashes).size).toBe(3);
  });

  it.each([
    ['a missing node', {}, 'this_node', 'this_node: missing'],
    ['a node without port', { this_node: '127.0.0.1' }, 'this_node', 'not an address'],
    ['a port out of range', { this_node: '127.0.0.1:70000' }, 'this_node', 'not an address'],
    ['peers that are no list', { ...three, peers: 'x:1' }, 'peers', 'not a list of addresses'],
    ['a peer that is no address', { ...three, peers: ['x'] }, 'peers.0', 'not an address'],
    ['a peer named twice', { ...three, peers: ['x:1', 'x:1'] }, 'peers', 'names x:1 twice'],
    ['a node that is its own peer', { ...three, peers: [three.this_node] }, 'peers', 'twice'],
    ['an unknown key', { ...three, hearbeat_ms: 3 }, 'hearbeat_ms', 'unknown key'],
    ['a timing in words', { ...three, net_timeout_ms: '1s' }, 'net_timeout_ms', 'not a whole number'],
    ['a timing too small', { ...three, cpu_refresh_ms: 1 }, 'cpu_refresh_ms', 'below 10 ms'],
    [
      'election timeouts the wrong way round',
      { ...three, election_timeout_max_ms: 2000 },
      'election_timeout_max_ms',
      '2000 ms is not above election_timeout_min_ms, 2000 ms',
    ],
    [
      'a heartbeat slower than the patience for it',
      { ...three, heartbeat_interval_ms: 1500 },
      'election_timeout_min_ms',
      '2000 ms is less than two heartbeats of 1500 ms',
    ],
  ])('refuses %s and names the key', (_, keys, key, message) => {
    const refused = refusal(keys);
    expect(refused.key).toBe(key);
    expect(refused.message).toContain(message);
  });

  it('refuses a node that is missing from its own cluster', () => {
    expect(refusal(three, '127.0.0.1:9').message).toBe(
      'this_node: 127.0.0.1:9 is no member of its own cluster',
    );
  });

  it('takes one to seven members', () => {
    const peers = (count: number) => Array.from({ length: count }, (_, index) => `10.0.0.${index}:1`);
    expect(readElectionConfig({ this_node: 'a:1' }).members).toHaveLength(1);
    expect(readElectionConfig({ this_node: 'a:1', peers: peers(6) }).members).toHaveLength(CLUSTER_NODES_MAX);
    expect(refusal({ this_node: 'a:1', peers: peers(7) }).message).toBe(
      'peers: makes 8 members, at most 7 are possible',
    );
  });

  it('advises against even sizes', () => {
    expect(sizeAdvice(readElectionConfig(three))).toBeUndefined();
    expect(sizeAdvice(readElectionConfig({ this_node: 'a:1', peers: ['b:1'] }))).toBe(
      '2 servers survive no more failures than 1; add or remove one',
    );
  });

  it('splits addresses, also those of IPv6', () => {
    expect(splitAddress('127.0.0.1:5001')).toEqual({ host: '127.0.0.1', port: 5001 });
    expect(splitAddress('[::1]:5001')).toEqual({ host: '::1', port: 5001 });
  });
});
