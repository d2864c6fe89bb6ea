import { describe, expect, it } from 'vitest';
import { readCgroupV1 } from '../src/cpu-cgroup-v1.ts';
import { readCgroupV2 } from '../src/cpu-cgroup-v2.ts';
import { ownControlGroups } from '../src/cpu-control-group.ts';
import { type CpuCounter, shareSpent } from '../src/cpu-counter.ts';
import { readNodeCpus } from '../src/cpu-node.ts';
import { readPressure } from '../src/cpu-pressure.ts';
import { readProcStat, usableProcessors } from '../src/cpu-proc-stat.ts';
import { RecordedMachine } from './recorded-machine.ts';

/** Share spent between the two moments by each source that `read` finds. */
function shares(
  machine: RecordedMachine,
  read: (sources: RecordedMachine) => readonly CpuCounter[],
): Record<string, number | undefined> {
  machine.moment = 'first';
  const before = read(machine);
  machine.moment = 'second';
  const now = read(machine);
  return Object.fromEntries(now.map((counter, i) => [counter.source, shareSpent(before[i], counter)]));
}

const one =
  (read: (sources: RecordedMachine) => CpuCounter | undefined) =>
  (sources: RecordedMachine): readonly CpuCounter[] => {
    const counter = read(sources);
    return counter === undefined ? [] : [counter];
  };

describe('the control groups of a process', () => {
  const directories = (machine: string, hierarchy: 'v2' | 'cpu') =>
    ownControlGroups(new RecordedMachine(machine), hierarchy).map(({ directory }) => directory);

  it('are those from its own outwards, as far as they are mounted', () => {
    expect(directories('hybrid', 'cpu')).toEqual([
      '/sys/fs/cgroup/cpu/web.slice/discovery',
      '/sys/fs/cgroup/cpu/web.slice',
      '/sys/fs/cgroup/cpu',
    ]);
    expect(directories('hybrid', 'v2')[0]).toBe('/sys/fs/cgroup/unified/web.slice/discovery');
    expect(directories('container-v2', 'v2')).toEqual(['/sys/fs/cgroup']);
    expect(directories('container-v1', 'cpu')).toEqual(['/sys/fs/cgroup/cpu,cpuacct']);
  });

  it('are none where another part of the hierarchy is mounted, or nothing can be read', () => {
    const machine = new RecordedMachine('container-v1');
    machine.changed.set('/proc/self/cgroup', '5:cpu,cpuacct:/docker/3f9c0d-other\n');
    expect(ownControlGroups(machine, 'cpu')).toEqual([]);
    machine.changed.set('/proc/self/cgroup', undefined);
    expect(ownControlGroups(machine, 'cpu')).toEqual([]);
    machine.changed.set('/proc/self/cgroup', '5:cpu,cpuacct:/docker/3f9c0d\n');
    machine.changed.set('/proc/self/mountinfo', 'garbage\n - \n1 2 - cgroup\n');
    expect(ownControlGroups(machine, 'cpu')).toEqual([]);
  });

  it('may have blanks and colons in their names and places', () => {
    const machine = new RecordedMachine('container-v2');
    machine.changed.set('/proc/self/cgroup', '0::/a b:c/d\n');
    machine.changed.set('/proc/self/mountinfo', '1 2 0:3 /a\\040b:c /my\\040groups rw - cgroup2 none rw\n');
    expect(ownControlGroups(machine, 'v2')[0]).toEqual({ name: '/a b:c/d', directory: '/my groups/d' });
  });

  it('are looked through up to a depth that no system has', () => {
    const machine = new RecordedMachine('container-v2');
    machine.changed.set('/proc/self/cgroup', `0::${'/a'.repeat(1000)}\n`);
    expect(ownControlGroups(machine, 'v2')).toHaveLength(32);
  });
});

describe('cgroup v2', () => {
  it('measures a container against its limit', () => {
    expect(shares(new RecordedMachine('container-v2'), readCgroupV2)).toEqual({
      'cgroup v2 / of 1.5': expect.closeTo(0.6, 5) as number,
    });
  });

  it('measures against every limit, also those above the own group, and passes over the groups without', () => {
    expect(shares(new RecordedMachine('nested-v2'), readCgroupV2)).toEqual({
      'cgroup v2 /kubepods.slice/kubepods-pod7e1f.slice/cri-containerd-4b2a.scope of 2': expect.closeTo(
        0.2,
        5,
      ) as number,
      'cgroup v2 /kubepods.slice/kubepods-pod7e1f.slice of 3': expect.closeTo(0.9, 5) as number,
    });
  });

  it('measures against the processors there are where the limit is above them', () => {
    const machine = new RecordedMachine('container-v2');
    machine.changed.set('/sys/fs/cgroup/cpu.max', '800000 100000\n');
    expect(shares(machine, readCgroupV2)).toEqual({
      'cgroup v2 / of 4': expect.closeTo(0.9 / 4, 5) as number,
    });
  });

  it('knows nothing on a machine whose limits are in version 1', () => {
    expect(readCgroupV2(new RecordedMachine('hybrid'))).toEqual([]);
  });

  it.each([
    ['cpu.max', undefined],
    ['cpu.max', 'max 100000\n'],
    ['cpu.max', ''],
    ['cpu.stat', undefined],
    ['cpu.stat', 'usage_usec lots\n'],
  ])('passes over a group whose %s is %j', (file, content) => {
    const machine = new RecordedMachine('container-v2');
    machine.changed.set(`/sys/fs/cgroup/${file}`, content);
    expect(readCgroupV2(machine)).toEqual([]);
  });
});

describe('cgroup v1', () => {
  it('measures against a limit above the own group, from two controllers', () => {
    expect(shares(new RecordedMachine('hybrid'), readCgroupV1)).toEqual({
      'cgroup v1 /web.slice of 0.5': expect.closeTo(1, 1) as number,
    });
  });

  it('measures a container against its limit', () => {
    expect(shares(new RecordedMachine('container-v1'), readCgroupV1)).toEqual({
      'cgroup v1 /docker/3f9c0d of 0.5': expect.closeTo(0.6, 5) as number,
    });
  });

  it('measures against the processors there are where the limit is above them', () => {
    const machine = new RecordedMachine('container-v1');
    machine.changed.set('/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us', '800000\n');
    expect(shares(machine, readCgroupV1)).toEqual({
      'cgroup v1 /docker/3f9c0d of 4': expect.closeTo(0.075, 5) as number,
    });
  });

  it('passes over a group that accounting does not know', () => {
    const machine = new RecordedMachine('hybrid');
    machine.changed.set('/proc/self/cgroup', '2:cpuacct:/\n1:cpu:/web.slice/discovery\n');
    expect(readCgroupV1(machine)).toEqual([]);
  });

  it.each([
    ['cpu.cfs_quota_us', '-1\n'],
    ['cpu.cfs_quota_us', undefined],
    ['cpu.cfs_period_us', 'garbage'],
    ['cpuacct.usage', undefined],
  ])('passes over a group whose %s is %j', (file, content) => {
    const machine = new RecordedMachine('container-v1');
    machine.changed.set(`/sys/fs/cgroup/cpu,cpuacct/${file}`, content);
    expect(readCgroupV1(machine)).toEqual([]);
  });
});

describe('/proc/stat', () => {
  it('counts the processors this process may run on', () => {
    const machine = new RecordedMachine('affinity');
    expect(shares(machine, one(readProcStat))).toEqual({ '/proc/stat 1': expect.closeTo(1, 2) as number });
    expect(usableProcessors(machine)).toBe(1);
  });

  it('counts the whole machine where it may run everywhere, or that is not told', () => {
    const machine = new RecordedMachine('affinity');
    machine.changed.set('/proc/self/status', 'Cpus_allowed_list:\t0-15\n');
    expect(shares(machine, one(readProcStat))).toEqual({
      '/proc/stat 0,1': expect.closeTo(0.5, 1) as number,
    });
    expect(usableProcessors(machine)).toBe(2);
    machine.changed.set('/proc/self/status', undefined);
    expect(shares(machine, one(readProcStat))).toEqual({ '/proc/stat': expect.closeTo(0.5, 1) as number });
    expect(usableProcessors(machine)).toBe(2);
  });

  it('counts waiting for disks as idleness, what the hypervisor took as spent, and guests once', () => {
    const machine = new RecordedMachine('affinity');
    machine.changed.set('/proc/self/status', undefined);
    const share = (second: string) => {
      machine.changed.set('/proc/stat', 'cpu  100 0 0 500 40 0 0 7 60 0\n');
      const before = readProcStat(machine);
      machine.changed.set('/proc/stat', second);
      return shareSpent(before, readProcStat(machine));
    };
    expect(share('cpu  120 0 0 550 70 0 0 7 80 0\n')).toBeCloseTo(0.2);
    expect(share('cpu  100 0 0 590 40 0 0 17 60 0\n')).toBeCloseTo(0.1);
  });

  it.each([undefined, '', 'cpux 1 2 3\n', 'intr 42\n'])('knows nothing from %j', (content) => {
    const machine = new RecordedMachine('affinity');
    machine.changed.set('/proc/stat', content);
    expect(readProcStat(machine)).toBeUndefined();
    expect(usableProcessors(machine)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('what Node tells', () => {
  it('is the sum over all processors', () => {
    const times = { user: 30, nice: 5, sys: 10, idle: 50, irq: 5 };
    const machine = new RecordedMachine('affinity');
    machine.cpus = () => [{ times }, { times }];
    expect(readNodeCpus(machine)).toEqual({
      source: 'os.cpus()',
      spent: 100,
      available: 200,
    });
  });
});

describe('pressure', () => {
  it('is that of the own group, in version 2 also where that has no limits', () => {
    const group = '/sys/fs/cgroup/unified/web.slice/discovery/cpu.pressure';
    expect(shares(new RecordedMachine('hybrid'), one(readPressure))).toEqual({
      [group]: expect.closeTo(0.37, 2) as number,
    });
  });

  it('is that of the machine where groups tell none', () => {
    const machine = new RecordedMachine('container-v2');
    machine.changed.set('/sys/fs/cgroup/cpu.pressure', undefined);
    expect(shares(machine, one(readPressure))).toEqual({
      '/proc/pressure/cpu': expect.closeTo(0.9, 5) as number,
    });
  });

  it('is not known on older machines', () => {
    expect(readPressure(new RecordedMachine('container-v1'))).toBeUndefined();
  });
});

describe('two counts', () => {
  const count = { source: 'a', spent: 10, available: 100 };

  it.each<[string, CpuCounter | undefined, CpuCounter | undefined]>([
    ['from different sources', count, { source: 'b', spent: 20, available: 200 }],
    ['of which the first is missing', undefined, count],
    ['of which the second is missing', count, undefined],
    ['without time between them', count, count],
    ['of which less was spent', count, { ...count, spent: 9, available: 200 }],
    ['of which less was available', count, { ...count, spent: 11, available: 99 }],
    ['of which one is no number', count, { ...count, spent: Number.NaN, available: 200 }],
  ])('%s say nothing', (_, before, now) => {
    expect(shareSpent(before, now)).toBeUndefined();
  });

  it('never make more than the whole', () => {
    expect(shareSpent(count, { ...count, spent: 500, available: 200 })).toBe(1);
  });
});
