import { STORE_COMMITS_WAITING_MAX, STORE_OPS_PER_COMMIT_MAX, Term } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import { describeStore, landed, put, type StoreUnderTest, textOf } from '../src/compliance.ts';
import { GroupCommitStore } from '../src/group-commit.ts';
import { type Fate, LossyStore } from '../src/lossy-store.ts';
import { MemoryStore } from '../src/memory-store.ts';
import type { Commit, CommitResult } from '../src/store.ts';

describeStore('GroupCommitStore', async (): Promise<StoreUnderTest> => {
  const inner = new MemoryStore();
  const store = new GroupCommitStore(inner);
  return {
    open: async () => store,
    compact: async () => inner.compact(),
    dispose: () => store.close(),
  };
});

const term = Term.parse(1);

/** A store that notes the commits it is asked for, and makes the first wait for `open`. */
class GatedStore extends MemoryStore {
  readonly asked: Commit[] = [];
  open: () => void = () => {};
  readonly #gate = new Promise<void>((resolve) => {
    this.open = resolve;
  });

  override async commit(commit: Commit): Promise<CommitResult> {
    this.asked.push(commit);
    await this.#gate;
    return super.commit(commit);
  }
}

async function gated() {
  const inner = new GatedStore();
  await inner.claimTerm(term, 'a');
  const store = new GroupCommitStore(inner);
  /** How many of the callers' commits went into each commit below. */
  const sizes = () => inner.asked.map(({ ops }) => ops.length);
  return { inner, store, sizes };
}

const alone = (key: string, rev = 0): Commit => ({ term, expect: [{ key, rev }], ops: [put(key)] });

describe('a group commit', () => {
  it('lets a lone commit through and joins all that queued meanwhile', async () => {
    const { inner, store, sizes } = await gated();
    const results = Array.from({ length: 64 }, (_, n) => store.commit(alone(`k${n}`)));
    inner.open();
    const [first, ...rest] = await Promise.all(results);
    expect(sizes()).toEqual([1, 63]);
    expect(first).toEqual({ ok: true, rev: 2 });
    expect(rest).toEqual(rest.map(() => ({ ok: true, rev: 3 })));
  });

  it('never exceeds the bounds of one commit', async () => {
    const { inner, store, sizes } = await gated();
    const results = Array.from({ length: 250 }, (_, n) => store.commit(alone(`k${n}`)));
    inner.open();
    await Promise.all(results);
    expect(sizes()).toEqual([1, STORE_OPS_PER_COMMIT_MAX, STORE_OPS_PER_COMMIT_MAX, 49]);
  });

  it('keeps commits apart that touch each other’s keys, in the order they came', async () => {
    const { inner, store, sizes } = await gated();
    const commits = ['first', 'second', 'third'].map((value) =>
      store.commit({ term, expect: [], ops: [put('k', value)] }),
    );
    commits.push(store.commit({ term, expect: [{ key: 'k', rev: 4 }], ops: [put('after')] }));
    inner.open();
    expect((await Promise.all(commits)).every(({ ok }) => ok)).toBe(true);
    expect(sizes()).toEqual([1, 1, 1, 1]);
    expect(textOf((await store.get('k'))?.value)).toBe('third');
  });

  it('joins commits that expect the same of a key none of them changes', async () => {
    const { inner, store, sizes } = await gated();
    const guarded = (key: string): Commit => ({ term, expect: [{ key: 'guard', rev: 0 }], ops: [put(key)] });
    const commits = ['a', 'b', 'c'].map((key) => store.commit(guarded(key)));
    inner.open();
    expect((await Promise.all(commits)).every(({ ok }) => ok)).toBe(true);
    expect(sizes()).toEqual([1, 2]);
    expect(inner.asked[1]?.expect).toEqual([{ key: 'guard', rev: 0 }]);
  });

  it('makes a batch that conflicts again one by one, so that only the culprit fails', async () => {
    const { inner, store } = await gated();
    const commits = Array.from({ length: 10 }, (_, n) => store.commit(alone(`k${n}`, n === 5 ? 99 : 0)));
    inner.open();
    const results = await Promise.all(commits);
    expect(results.map(({ ok }) => ok)).toEqual(results.map((_, n) => n !== 5));
    expect((await store.list('k', { limit: 20 })).items).toHaveLength(9);
  });

  it('never joins commits of different terms', async () => {
    const { inner, store } = await gated();
    const commits = [1, 1, 2, 1, 2].map((n) =>
      store.commit({ term: Term.parse(n), expect: [], ops: [put(`${n}-${Math.random()}`)] }),
    );
    inner.open();
    expect((await Promise.all(commits)).map(({ ok }) => ok)).toEqual([true, true, false, true, false]);
  });

  it('tells every caller of a batch that its outcome is unknown', async () => {
    const fates: Fate[] = ['answered', 'answered', 'lost-after'];
    const lossy = new LossyStore(new MemoryStore(), () => fates.shift() ?? 'answered');
    await lossy.claimTerm(term, 'a');
    const store = new GroupCommitStore(lossy);
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((key) => store.commit(alone(key))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(outcomes[2]).toMatchObject({ reason: { code: 'store/unknown-outcome' } });
    await landed(store, term, [put('d')]);
  });

  it('refuses one commit more than may wait', async () => {
    const { inner, store } = await gated();
    const waiting = Array.from({ length: STORE_COMMITS_WAITING_MAX + 1 }, (_, n) =>
      store.commit(alone(`k${n}`)),
    );
    await expect(store.commit(alone('more'))).rejects.toMatchObject({ code: 'store/unavailable' });
    inner.open();
    expect((await Promise.all(waiting)).every(({ ok }) => ok)).toBe(true);
  });

  it('finishes what is queued before it closes', async () => {
    const { inner, store } = await gated();
    const commits = ['a', 'b', 'c'].map((key) => store.commit(alone(key)));
    const closed = store.close();
    inner.open();
    expect((await Promise.all(commits)).every(({ ok }) => ok)).toBe(true);
    await closed;
  });
});
