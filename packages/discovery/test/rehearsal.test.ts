import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { rehearse } from '../src/rehearsal.ts';

describe('a rehearsal', () => {
  it('is served from beginning to end', async () => {
    await expect(
      rehearse({ now: Date.now, random: randomBytes, after: () => () => undefined }),
    ).resolves.toBe(undefined);
  });
});
