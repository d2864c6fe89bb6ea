import { Election } from '@cloud-steg/election';
import { describe, expect, it } from 'vitest';
import { measureFailover, type Told } from '../src/failover.ts';
import { TIMINGS } from '../src/timings.ts';

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);

function leasesMs(told: Told): number[] {
  return SEEDS.map((seed) => {
    const options = { timings: 'default', told, lossShare: 0, size: 3, Election } as const;
    return measureFailover(seed, options)?.leaseMs ?? Number.POSITIVE_INFINITY;
  });
}

// Simulated time: these figures are the same on every machine.
describe('after a crash of the leader', () => {
  const { election_timeout_min_ms: shortest, heartbeat_interval_ms: heartbeat } = TIMINGS.default;

  it('a silent host’s lease is waited out, and not much longer', () => {
    const leases = leasesMs('nothing');
    expect(Math.min(...leases)).toBeGreaterThan(shortest - heartbeat);
    expect(Math.max(...leases)).toBeLessThan(2.2 * heartbeat);
  });

  it('nothing is waited for once the others know that its process has ended', () => {
    expect(Math.max(...leasesMs('ended'))).toBeLessThan(50);
  });

  it('the idlest follows, nearly always', () => {
    const options = { timings: 'default', told: 'ended', lossShare: 0, size: 5, Election } as const;
    const idlest = SEEDS.filter((seed) => measureFailover(seed, options)?.idlest);
    expect(idlest.length).toBeGreaterThan(0.9 * SEEDS.length);
  });
});
