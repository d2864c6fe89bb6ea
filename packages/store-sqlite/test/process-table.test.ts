import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import {
  isFrozen,
  type ProcessIdentity,
  parseStat,
  sameProcess,
  systemProcesses,
} from '../src/process-table.ts';

const stat = (name: string) =>
  `8001 (${name}) T 7996 7996 2506 0 -1 4194304 2755 0 1 0 13 1 0 0 20 0 11 0 84629 91 0 0`;

function identityOf(pid: number): ProcessIdentity {
  const identity = systemProcesses.identify(pid);
  if (!identity) throw new Error(`process ${pid} can't be seen`);
  return identity;
}

describe('a process’s status', () => {
  it('is read past its name, whatever that holds', () => {
    for (const name of ['node', 'a b', ') R 1 (', '']) {
      expect(parseStat(stat(name))).toEqual({ state: 'T', startTicks: 84629 });
    }
  });

  it('that can’t be read tells nothing', () => {
    expect([undefined, '', '8001', '8001 (node) T 1 2'].map(parseStat)).toEqual(Array(4).fill(undefined));
  });
});

describe('a control group', () => {
  const frozen = (groups: string, files: Record<string, string>) => isFrozen(groups, (path) => files[path]);

  it('of version 2 is frozen when its events say so, wherever it is mounted', () => {
    const groups = '0::/user.slice/a:b\n';
    expect(frozen(groups, { '/sys/fs/cgroup/user.slice/a:b/cgroup.events': 'populated 1\nfrozen 1\n' })).toBe(
      true,
    );
    expect(frozen(groups, { '/sys/fs/cgroup/unified/user.slice/a:b/cgroup.events': 'frozen 1\n' })).toBe(
      true,
    );
    expect(frozen(groups, { '/sys/fs/cgroup/user.slice/a:b/cgroup.events': 'populated 1\nfrozen 0\n' })).toBe(
      false,
    );
    expect(frozen(groups, {})).toBe(false);
  });

  it('of version 1 is frozen when its freezer says so', () => {
    const groups = '7:cpu,cpuacct:/\n6:freezer:/box\n0::/\n';
    expect(frozen(groups, { '/sys/fs/cgroup/freezer/box/freezer.state': 'FROZEN\n' })).toBe(true);
    expect(frozen(groups, { '/sys/fs/cgroup/freezer/box/freezer.state': 'THAWED\n' })).toBe(false);
  });
});

describe.runIf(process.platform === 'linux')('the processes of this machine', () => {
  it('are told apart, and their stops are seen', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const gone = once(child, 'exit');
    const pid = child.pid ?? 0;
    try {
      const seen = identityOf(pid);
      const self = identityOf(process.pid);
      expect(sameProcess(seen, self)).toBe(false);
      expect(seen).toMatchObject({ bootId: self.bootId, namespaces: self.namespaces });
      expect(systemProcesses.condition(pid)).not.toBe('stopped');
      child.kill('SIGSTOP');
      await vi.waitFor(() => expect(systemProcesses.condition(pid)).toBe('stopped'));
      systemProcesses.end(pid);
      await gone;
      expect(child.signalCode).toBe('SIGKILL');
      expect(systemProcesses.identify(pid)).toBeUndefined();
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('are the same only for certain', () => {
    const self = identityOf(process.pid);
    expect(systemProcesses.self).toEqual(self);
    expect(sameProcess(self, { ...self })).toBe(true);
    for (const other of [{ pid: 1 }, { startTicks: 1 }, { bootId: 'x' }, { namespaces: 'pid:[1]' }]) {
      expect(sameProcess(self, { ...self, ...other })).toBe(false);
    }
    const unknown = { ...self, namespaces: '' };
    expect(sameProcess(unknown, unknown)).toBe(false);
  });
});
