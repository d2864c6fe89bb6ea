/** A command line's world in memory, with a data directory of its own. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localCarrierEngine, secureRandom } from '@cloud-steg/peer';
import { afterEach } from 'vitest';
import { runProgram } from '../src/program.ts';
import type { Shell, Sink } from '../src/shell.ts';

export interface MemorySink extends Sink {
  readonly text: string;
}

export function memorySink(isTty = false): MemorySink {
  let text = '';
  return {
    isTty,
    write: (piece) => {
      text += piece;
    },
    get text() {
      return text;
    },
  };
}

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cloud-steg-cli-test-'));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Runs one command line to its end. */
export async function run(argv: readonly string[], shell: Partial<Shell> = {}): Promise<Ran> {
  const stdout = memorySink();
  const stderr = memorySink();
  const exit = await runProgram({
    program: 'p2p-client',
    calledAs: 'p2p-client',
    argv,
    platform: 'linux',
    stdout,
    stderr,
    now: Date.now,
    random: secureRandom,
    makeEngine: localCarrierEngine,
    onInterrupt: () => {},
    confirm: () => undefined,
    ...shell,
    env: { CLOUD_STEG_DATA_DIR: temporaryFolder(), ...shell.env },
  });
  return { exit, stdout: stdout.text, stderr: stderr.text };
}
