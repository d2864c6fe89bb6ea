/** What a new leader waits for in the embedded store: its first claim, and a predecessor that was stopped with the lock. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Term } from '@cloud-steg/protocol';
import { openSqliteStore } from '@cloud-steg/store-sqlite';
import { show, timingOf } from './stopwatch.ts';

const FIRST_CLAIMS = 15;
const TAKEOVERS = 30;
const script = fileURLToPath(new URL('./store-process.js', import.meta.url));

export async function benchStore(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-steg-bench-'));
  try {
    await firstClaims(join(folder, 'claims.db'));
    await takeovers(join(folder, 'takeovers.db'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Each in a process of its own, whose store has been open for a second. */
async function firstClaims(path: string): Promise<void> {
  const first: Record<string, number[]> = { cold: [], warm: [] };
  const later: number[] = [];
  let term = 1;
  await run(path, 'cold', term);
  for (let n = 0; n < FIRST_CLAIMS; n++) {
    for (const kind of ['cold', 'warm']) {
      term += 10;
      const [ms, ...others] = (await run(path, kind, term)).split(' ').map(Number);
      first[kind]?.push(ms ?? Number.NaN);
      later.push(...others);
    }
  }
  console.log(`\nfirst claim of a process whose store has been open for a second, ${FIRST_CLAIMS} each`);
  for (const [kind, ms] of Object.entries(first)) console.log(`  ${kind.padEnd(24)} ${show(timingOf(ms))}`);
  console.log(`  ${'its later claims'.padEnd(24)} ${show(timingOf(later))}`);
}

async function run(path: string, kind: string, term: number): Promise<string> {
  const child = start(path, kind, term);
  let said = '';
  child.stdout?.on('data', (chunk) => {
    said += String(chunk);
  });
  await once(child, 'close');
  return said.trim();
}

/** A leader is stopped in the middle of a commit; the next one, of a warm process, claims and commits. */
async function takeovers(path: string): Promise<void> {
  const claims: number[] = [];
  const commits: number[] = [];
  for (let term = 1; claims.length < TAKEOVERS; term += 2) {
    const old = start(path, 'commit', term);
    const gone = once(old, 'exit');
    const store = openSqliteStore(path);
    try {
      await stopInCommit(old);
      await store.warmUp();
      const next = (term + 1) as Term;
      const startMs = performance.now();
      await store.claimTerm(next, 'next');
      claims.push(performance.now() - startMs);
      await store.commit({ term: next, expect: [], ops: [{ put: 'next', value: new Uint8Array(8) }] });
      commits.push(performance.now() - startMs);
    } finally {
      old.kill('SIGKILL');
      await gone;
      await store.close();
    }
  }
  console.log(`\nafter a leader was stopped (SIGSTOP) in the middle of a commit, ${TAKEOVERS} times`);
  console.log(`  ${'next claim granted'.padEnd(24)} ${show(timingOf(claims))}`);
  console.log(`  ${'next commit answered'.padEnd(24)} ${show(timingOf(commits))}`);
}

async function stopInCommit(child: ChildProcess): Promise<void> {
  if (!child.stdout) return;
  const lines = createInterface({ input: child.stdout });
  for (;;) {
    await once(lines, 'line');
    child.kill('SIGSTOP');
    while (!(await readFile(`/proc/${child.pid}/stat`, 'utf8')).includes(') T ')) continue;
    const locks = await readFile('/proc/locks', 'utf8');
    if (new RegExp(` WRITE ${child.pid} \\S+ 120 120$`, 'm').test(locks)) return;
    child.kill('SIGCONT');
  }
}

function start(path: string, kind: string, term: number): ChildProcess {
  return spawn(process.execPath, [script, path, kind, `${term}`], { stdio: ['ignore', 'pipe', 'inherit'] });
}
