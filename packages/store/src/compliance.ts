/** The one suite that every {@link Store} passes. Runs under vitest; nothing but tests imports this file. */

import { describe } from 'vitest';
import { describeCommits } from './compliance/commits.ts';
import { describeLimits } from './compliance/limits.ts';
import { describeLists } from './compliance/lists.ts';
import { describeModel } from './compliance/model.ts';
import type { StoreUnderTest } from './compliance/store-under-test.ts';
import { describeWatches } from './compliance/watches.ts';

export { bytesOf, landed, put, type StoreUnderTest, textOf } from './compliance/store-under-test.ts';

/** Describes, for vitest, that the stores `setUp` makes keep the contract. */
export function describeStore(name: string, setUp: () => Promise<StoreUnderTest>): void {
  describe(`${name} keeps the store's contract:`, () => {
    describe('commits', () => {
      describeCommits(setUp);
    });
    describe('lists', () => {
      describeLists(setUp);
    });
    describe('limits', () => {
      describeLimits(setUp);
    });
    describe('watches', () => {
      describeWatches(setUp);
    });
    describe('model', () => {
      describeModel(setUp);
    });
  });
}
