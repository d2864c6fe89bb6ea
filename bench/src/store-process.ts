/**
 * A process of `bench store`: `node store-process.js FILE cold|warm|commit TERM`. The first two claim five terms, a second
 * after they have opened the store, and print what each took; the third claims one and commits until it is ended.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Term } from '@cloud-steg/protocol';
import { openSqliteStore } from '@cloud-steg/store-sqlite';

const CLAIMS = 5;
const SETTLE_MS = 1000;
const [path = '', kind, termText] = process.argv.slice(2);
const term = Number(termText);
const store = openSqliteStore(path);

if (kind === 'commit') {
  await store.claimTerm(term as Term, 'bench');
  for (let n = 0; ; n++) {
    const ops = [{ put: `k${n % 100}`, value: Buffer.from(`${term}-${n}`.repeat(20)) }];
    await store.commit({ term: term as Term, expect: [], ops });
    console.log(n);
  }
}
if (kind === 'warm') store.keepWarm();
await store.get('term');
await sleep(SETTLE_MS);
const claims: number[] = [];
for (let n = 0; n < CLAIMS; n++) {
  const startMs = performance.now();
  await store.claimTerm((term + n) as Term, 'bench');
  claims.push(performance.now() - startMs);
}
console.log(claims.join(' '));
await store.close();
