/** `cloud-steg demo`: the main job in under a minute, and nothing left running. */

import { readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { Sandbox, until } from './sandbox.ts';

let sandbox: Sandbox;
afterEach(() => sandbox.close());

/** Processes whose environment names this sandbox: the demo's, wherever they hang. */
function leftovers(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && environmentOf(pid).includes(`HOME=${sandbox.folder}`));
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}

describe('the demo', () => {
  it('plays every step, writes its pictures and leaves no process behind', async () => {
    sandbox = new Sandbox();
    const { code, stdout, stderr } = await sandbox.run('cloud-steg', [
      'demo',
      '--output',
      sandbox.path('pictures', 'x'),
    ]);
    expect({ code, stderr: code === 0 ? '' : stderr + stdout }).toEqual({ code: 0, stderr: '' });
    for (const said of [
      /view 1 of 2/,
      /view 2 of 2/,
      /no views left|refused/i,
      /killed/i,
      /revoke/i,
      /extend/i,
    ]) {
      expect(stdout).toMatch(said);
    }
    const pictures = readdirSync(sandbox.path('pictures', 'x')).filter((name) => name.endsWith('.png'));
    expect(pictures.length).toBeGreaterThanOrEqual(4);
    for (const name of pictures) {
      const { width } = await sharp(sandbox.path('pictures', 'x', name)).metadata();
      expect(width).toBeGreaterThan(200);
    }
    expect(leftovers()).toEqual([]);
  });

  it('cleans up when interrupted', async () => {
    sandbox = new Sandbox();
    const demo = sandbox.start('cloud-steg', ['demo', '--output', sandbox.path('pictures', 'x')]);
    await until('its processes to run', () => leftovers().length >= 4);
    expect(await demo.end('SIGINT')).toBe(130);
    await until('its processes to be gone', () => leftovers().length === 0);
  });
});
