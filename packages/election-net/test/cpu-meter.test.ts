import { describe, expect, it } from 'vitest';
import { type CpuSources, systemCpuMeter } from '../src/index.ts';

/** Sources with recorded files, which the test changes between samples. */
function recorded(): { files: Record<string, string>; nowMs: number; sources: CpuSources } {
  const machine = {
    files: {} as Record<string, string>,
    nowMs: 0,
    sources: {
      read: (path: string) => machine.files[path],
      cpus: () => [{ times: { user: 1, idle: 1 } }],
      now: () => machine.nowMs,
    },
  };
  return machine;
}

const procStat = (user: number, idle: number, ioWait: number, guest: number) =>
  `cpu  ${user} 10 20 ${idle} ${ioWait} 5 5 0 ${guest} 0\ncpu0 1 1 1 1 1 1 1 0 0 0\nintr 42\n`;

describe('the processor meter', () => {
  it('knows nothing at its first sample', () => {
    expect(systemCpuMeter(recorded().sources).sample()).toBeUndefined();
  });

  it('reads /proc/stat, where waiting for disks is idleness and guests are counted once', () => {
    const machine = recorded();
    const meter = systemCpuMeter(machine.sources);
    machine.files['/proc/stat'] = procStat(1000, 5000, 100, 0);
    meter.sample();
    machine.files['/proc/stat'] = procStat(1030, 5060, 110, 30);
    expect(meter.sample()).toBeCloseTo(30);
  });

  it('measures against the limit of the control group where there is one', () => {
    const machine = recorded();
    const meter = systemCpuMeter(machine.sources);
    machine.files['/proc/stat'] = procStat(0, 5000, 0, 0);
    machine.files['/sys/fs/cgroup/cpu.max'] = '50000 100000\n';
    machine.files['/sys/fs/cgroup/cpu.stat'] = 'usage_usec 1000000\nuser_usec 1\n';
    meter.sample();
    machine.nowMs = 1000;
    machine.files['/sys/fs/cgroup/cpu.stat'] = 'usage_usec 1400000\nuser_usec 1\n';
    expect(meter.sample()).toBeCloseTo(80);
  });

  it('passes over a control group without a limit', () => {
    const machine = recorded();
    const meter = systemCpuMeter(machine.sources);
    machine.files['/sys/fs/cgroup/cpu.max'] = 'max 100000\n';
    machine.files['/sys/fs/cgroup/cpu.stat'] = 'usage_usec 1000000\n';
    machine.files['/proc/stat'] = procStat(0, 5000, 0, 0);
    meter.sample();
    machine.files['/proc/stat'] = procStat(10, 5030, 0, 0);
    expect(meter.sample()).toBeCloseTo(25);
  });

  it('falls back on what Node tells', () => {
    const machine = recorded();
    const meter = systemCpuMeter({
      ...machine.sources,
      cpus: () => [{ times: { user: 10 + machine.nowMs / 4, idle: (machine.nowMs * 3) / 4 } }],
    });
    meter.sample();
    machine.nowMs = 1000;
    expect(meter.sample()).toBeCloseTo(25);
  });

  it('starts anew when its source changes, and knows nothing when no time has passed', () => {
    const machine = recorded();
    const meter = systemCpuMeter(machine.sources);
    meter.sample();
    machine.files['/proc/stat'] = procStat(10, 50, 0, 0);
    expect(meter.sample()).toBeUndefined();
    expect(meter.sample()).toBeUndefined();
  });

  it('measures this very machine', () => {
    const meter = systemCpuMeter();
    meter.sample();
    let percent: number | undefined;
    while (percent === undefined) percent = meter.sample();
    expect(percent).toBeGreaterThanOrEqual(0);
    expect(percent).toBeLessThanOrEqual(100);
  });
});
