import { describe, expect, it } from 'vitest';
import { systemCpuMeter } from '../src/index.ts';
import { RecordedMachine } from './recorded-machine.ts';

const HEARTBEAT_MS = 1000;

/** The load of a recorded machine, after whatever the test does to it before the second sample. */
function load(
  machine: RecordedMachine | string,
  before: (machine: RecordedMachine) => void = () => undefined,
): number | undefined {
  const sources = typeof machine === 'string' ? new RecordedMachine(machine) : machine;
  const meter = systemCpuMeter(HEARTBEAT_MS, sources);
  expect(meter.sample()).toBeUndefined();
  sources.moment = 'second';
  before(sources);
  return meter.sample();
}

describe('the processor meter', () => {
  it.each([
    ['container-v2', 60 + 0.2 * 40],
    ['nested-v2', 90],
    ['container-v1', 60],
    ['affinity', 100],
  ])('takes the first source there is: %s has a load of %d', (machine, percent) => {
    expect(load(machine)).toBeCloseTo(percent, 0);
  });

  it('falls back on /proc/stat, where groups have no limits, and then on Node', () => {
    const machine = new RecordedMachine('container-v1');
    machine.changed.set('/proc/self/cgroup', undefined);
    expect(load(machine)).toBeCloseTo(100 * (38 / 99), 0);

    const bare = new RecordedMachine('nowhere');
    let userMs = 0;
    bare.cpus = () => [{ times: { user: (userMs += 25), idle: 3 * userMs } }];
    expect(load(bare, () => (bare.laterMs = 1000))).toBeCloseTo(25);
  });

  it('goes by the limit that is nearest to being used up, inner or outer', () => {
    const inner = '/sys/fs/cgroup/kubepods.slice/kubepods-pod7e1f.slice/cri-containerd-4b2a.scope';
    const machine = new RecordedMachine('nested-v2');
    expect(
      load(machine, ({ changed }) => changed.set(`${inner}/cpu.stat`, 'usage_usec 51900000')),
    ).toBeCloseTo(95);
  });

  it('adds to the busy share what of the rest was spent waiting', () => {
    const pressure = '/sys/fs/cgroup/cpu.pressure';
    const waiting = (total: number) =>
      load('container-v2', ({ changed }) => changed.set(pressure, `some avg10=0 total=${total}`));
    expect(waiting(500_000)).toBeCloseTo(60);
    expect(waiting(1_000_000)).toBeCloseTo(60 + 0.5 * 40);
    expect(waiting(1_500_000)).toBeCloseTo(100);
  });

  it('counts an event loop late by half a heartbeat as fully loaded, whatever else is known', () => {
    expect(load('container-v2', (machine) => (machine.delayMs = 499))).toBeCloseTo(68);
    expect(load('container-v2', (machine) => (machine.delayMs = 501))).toBe(100);
    expect(load('nowhere', (machine) => (machine.delayMs = 501))).toBe(100);
  });

  it.each<[string, string, (machine: RecordedMachine) => void]>([
    ['a limit vanishes', 'container-v2', ({ changed }) => changed.set('/sys/fs/cgroup/cpu.max', undefined)],
    [
      'a limit changes',
      'container-v2',
      ({ changed }) => changed.set('/sys/fs/cgroup/cpu.max', '50000 100000'),
    ],
    [
      'the inner of two limits vanishes',
      'nested-v2',
      ({ changed }) => changed.set('/proc/self/cgroup', '0::/kubepods.slice/kubepods-pod7e1f.slice'),
    ],
    [
      'the outer of two limits vanishes',
      'nested-v2',
      ({ changed }) =>
        changed.set('/sys/fs/cgroup/kubepods.slice/kubepods-pod7e1f.slice/cpu.max', 'max 100000'),
    ],
    [
      'usage goes backwards',
      'container-v2',
      ({ changed }) => changed.set('/sys/fs/cgroup/cpu.stat', 'usage_usec 1'),
    ],
    [
      'usage goes backwards',
      'container-v1',
      ({ changed }) => changed.set('/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage', '1'),
    ],
    [
      'ticks go backwards',
      'affinity',
      ({ changed }) => changed.set('/proc/stat', 'cpu1 1 1 1 1 1 1 1 1 1 1'),
    ],
    ['/proc goes away', 'affinity', ({ changed }) => changed.set('/proc/stat', undefined)],
    [
      'pressure goes away',
      'container-v2',
      ({ changed }) => {
        changed.set('/sys/fs/cgroup/cpu.pressure', undefined);
        changed.set('/proc/pressure/cpu', undefined);
      },
    ],
    [
      'pressure goes backwards',
      'container-v2',
      ({ changed }) => changed.set('/sys/fs/cgroup/cpu.pressure', 'some total=1'),
    ],
    ['nothing moves', 'affinity', (machine) => (machine.moment = 'first')],
  ])('knows nothing for one sample when %s (%s)', (_, name, change) => {
    const machine = new RecordedMachine(name);
    expect(load(machine, change)).toBeUndefined();
  });

  it('goes on with another source after one sample', () => {
    const machine = new RecordedMachine('container-v2');
    const meter = systemCpuMeter(HEARTBEAT_MS, machine);
    meter.sample();
    machine.changed.set('/sys/fs/cgroup/cpu.max', 'max 100000\n');
    machine.laterMs = 1000;
    expect(meter.sample()).toBeUndefined();
    machine.moment = 'second';
    expect(meter.sample()).toBeCloseTo(100 * (38 / 99 + 0.2 * (61 / 99)), 0);
  });

  it('counts in full a limit that is used up at the start of each period', () => {
    const machine = new RecordedMachine('container-v1');
    const meter = systemCpuMeter(HEARTBEAT_MS, machine);
    const loads: (number | undefined)[] = [];
    // Half a processor's worth of every 100 ms, all of it within the first 50 ms.
    for (const ns of [0, 50e6, 50e6, 100e6, 100e6, 150e6, 150e6]) {
      machine.changed.set('/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage', String(ns));
      loads.push(meter.sample());
      machine.laterMs += 50;
    }
    expect(loads).toEqual([undefined, undefined, 100, 100, 100, 100, 100]);
  });

  it('measures this very machine', () => {
    const meter = systemCpuMeter(HEARTBEAT_MS);
    let percent = meter.sample();
    while (percent === undefined) percent = meter.sample();
    meter.close();
    expect(percent).toBeGreaterThanOrEqual(0);
    expect(percent).toBeLessThanOrEqual(100);
  });
});
