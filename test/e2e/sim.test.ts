import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../packages/election-sim/dist/main.js', import.meta.url));

function sim(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('the election simulator', () => {
  it('comes to the same figures on one thread and on several', () => {
    const one = sim('--seeds', '60', '--timings', 'fast');
    const several = sim('--seeds', '60', '--timings', 'fast', '--workers', '2');
    expect(one.status).toBe(0);
    expect(several.stdout).toBe(one.stdout);
    expect(one.stdout).toContain('violations  none');
  });

  it('finds a mutant on several threads, and ends with 1', () => {
    const { status, stdout } = sim('--seeds', '60', '--mutant', 'no-voter-promise', '--workers', '2');
    expect(status).toBe(1);
    expect(stdout).toContain('breaks I2');
  });

  it('ends with 2 for what it does not understand', () => {
    const { status, stdout, stderr } = sim('--seeds', 'many');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('error: --seeds "many": expected a whole number');
  });
});
