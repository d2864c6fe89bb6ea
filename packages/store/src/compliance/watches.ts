/** Compliance: watches see what changes, and say when they can't. */

import { expect, it, vi } from 'vitest';
import { TERM_KEY } from '../key.ts';
import type { Store, StoreEvent } from '../store.ts';
import {
  bytesOf,
  everything,
  landed,
  put,
  type StoreUnderTest,
  textOf,
  useClients,
} from './store-under-test.ts';

export function describeWatches(setUp: () => Promise<StoreUnderTest>): void {
  const on = useClients(setUp);

  it('report later changes below the prefix, from every client, in order', async () => {
    const term = await on.lead(1);
    const from = await landed(on.store, term, [put('w/0')]);
    const here = observe(on.store, 'w/', from + 1);
    const there = observe(on.other, 'w/', from + 1);
    const first = await landed(on.store, term, [put('w/1', 'one'), put('x/1')]);
    const second = await landed(on.other, term, [{ del: 'w/0' }]);
    const seen = [
      { kind: 'put', key: 'w/1', value: bytesOf('one'), rev: first },
      { kind: 'del', key: 'w/0', rev: second },
    ];
    await eventually(() => expect(here.events).toEqual(seen));
    await eventually(() => expect(there.events).toEqual(seen));
  });

  it('report earlier changes from the given revision on', async () => {
    const term = await on.lead(1);
    await landed(on.store, term, [put('a'), put('gone')]);
    const second = await landed(on.store, term, [put('b')]);
    const third = await landed(on.store, term, [{ del: 'gone' }, put('c')]);
    const { events } = observe(on.other, '', second);
    await eventually(() => expect(events).toHaveLength(3));
    expect(events[0]).toEqual({ kind: 'put', key: 'b', value: bytesOf('v'), rev: second });
    expect(events.slice(1)).toEqual(
      expect.arrayContaining([
        { kind: 'put', key: 'c', value: bytesOf('v'), rev: third },
        { kind: 'del', key: 'gone', rev: third },
      ]),
    );
  });

  it('report a claim', async () => {
    const { events } = observe(on.other, TERM_KEY, 1);
    await on.lead(3);
    await eventually(() => expect(events).toMatchObject([{ kind: 'put', key: TERM_KEY }]));
  });

  it('never miss the last of many changes', async () => {
    const term = await on.lead(1);
    const { events } = observe(on.other, 'k', 1);
    for (let n = 1; n <= 40; n++) await landed(on.store, term, [put('k', `${n}`)]);
    await eventually(() => expect(events.at(-1)).toMatchObject({ value: bytesOf('40') }));
    const revs = events.map(({ rev }) => rev);
    expect(revs).toEqual([...new Set(revs)].sort((a, b) => a - b));
  });

  it('report nothing before they have returned, nor after they were stopped', async () => {
    const term = await on.lead(1);
    await landed(on.store, term, [put('k', 'before')]);
    const stopped = observe(on.store, 'k', 1);
    expect(stopped.events).toEqual([]);
    stopped.stop();
    const running = observe(on.store, 'k', 1);
    await landed(on.store, term, [put('k', 'after')]);
    await eventually(() => expect(running.events.at(-1)).toMatchObject({ value: bytesOf('after') }));
    expect(stopped.events).toEqual([]);
  });

  it('say that deletions are forgotten, and go on from a new list', async () => {
    const term = await on.lead(1);
    const first = await landed(on.store, term, [put('w/gone'), put('w/kept')]);
    await landed(on.store, term, [{ del: 'w/gone' }]);
    await on.under.compact(on.store, term);
    const late = observe(on.other, 'w/', first);
    await eventually(() => expect(late.compacted).toHaveBeenCalledTimes(1));
    expect(late.events).toEqual([]);

    const page = await on.other.list('w/', { limit: 10 });
    const again = observe(on.other, 'w/', page.rev + 1);
    const rev = await landed(on.store, term, [{ del: 'w/kept' }]);
    await eventually(() => expect(again.events).toEqual([{ kind: 'del', key: 'w/kept', rev }]));
    expect(again.compacted).not.toHaveBeenCalled();
  });

  it('keep a mirror that was listed page by page while the store changed', async () => {
    const term = await on.lead(1);
    const key = (n: number) => `m/${n % 7}`;
    for (let n = 0; n < 7; n++) await landed(on.store, term, [put(key(n), `${n}`)]);
    const mirror = new Map<string, string>();
    let after: string | undefined;
    let from: number | undefined;
    for (let n = 0, more = true; more; n++) {
      const page = await on.other.list('m/', { limit: 2, after });
      from ??= page.rev + 1;
      for (const item of page.items) mirror.set(item.key, textOf(item.value));
      after = page.items.at(-1)?.key;
      more = page.more;
      await landed(on.store, term, [put(key(3 * n), `during ${n}`), { del: key(3 * n + 2) }]);
    }
    on.other.watch(
      'm/',
      from ?? 1,
      (event) =>
        event.kind === 'put' ? mirror.set(event.key, textOf(event.value)) : mirror.delete(event.key),
      () => expect.unreachable('nothing was compacted'),
    );
    await landed(on.store, term, [put(key(5), 'last'), { del: key(6) }]);
    const entries = await everything(on.store, 'm/', 3);
    const truth = new Map(entries.map((entry) => [entry.key, textOf(entry.value)]));
    await eventually(() => expect(mirror).toEqual(truth));
  });
}

function observe(store: Store, prefix: string, fromRev: number) {
  const events: StoreEvent[] = [];
  const compacted = vi.fn<() => void>();
  const stop = store.watch(prefix, fromRev, (event) => events.push(event), compacted);
  return { events, compacted, stop };
}

function eventually(assertion: () => void): Promise<void> {
  return vi.waitFor(assertion, { timeout: 10_000, interval: 5 });
}
