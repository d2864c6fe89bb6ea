import { Term } from '@cloud-steg/protocol';
import { expect, it } from 'vitest';
import { describeStore, type StoreUnderTest } from '../src/compliance.ts';
import { MemoryStore } from '../src/memory-store.ts';

describeStore('MemoryStore', async (): Promise<StoreUnderTest> => {
  const store = new MemoryStore();
  return {
    open: async () => store,
    compact: async () => store.compact(),
    dispose: () => store.close(),
  };
});

it('copies a Buffer too, though its slices share memory', async () => {
  const store = new MemoryStore();
  const term = Term.parse(1);
  await store.claimTerm(term, 'a');
  const value = Buffer.from('one');
  await store.commit({ term, expect: [], ops: [{ put: 'k', value }] });
  value.fill(0);
  expect((await store.get('k'))?.value).toEqual(new Uint8Array(Buffer.from('one')));
});
