/** How many grants of an owner are still alive: those whose share the cluster holds. */

import {
  AppError,
  GRANTS_HELD_PER_OWNER_MAX,
  GRANTS_HELD_PER_PAIR_MAX,
  QUOTA_RETRY_AFTER_SECONDS,
  Username,
} from '@cloud-steg/protocol';
import * as z from 'zod';
import { KEY } from './keys.ts';
import type { Draft } from './ledger.ts';

/** By recipient. */
const GrantsHeld = z.object({ to: z.record(Username, z.int().positive()) });

/** As part of a change: one more. Throws `rate/limited` where that is one too many. */
export async function countHeld(draft: Draft, owner: Username, recipient: Username): Promise<void> {
  const to = await readHeld(draft, owner);
  const pair = to[recipient] ?? 0;
  const all = Object.values(to).reduce((sum, count) => sum + count, 0);
  if (pair >= GRANTS_HELD_PER_PAIR_MAX || all >= GRANTS_HELD_PER_OWNER_MAX) {
    const which = pair >= GRANTS_HELD_PER_PAIR_MAX ? `${pair} grants to ${recipient}` : `${all} grants`;
    throw new AppError('rate/limited', `${owner} has ${which} that have not ended, the most allowed`, {
      hint: 'revoke one that is no longer needed, or wait until one is used up or expires',
      data: { retryAfterSeconds: QUOTA_RETRY_AFTER_SECONDS },
    });
  }
  draft.put(KEY.grantsHeld(owner), { to: { ...to, [recipient]: pair + 1 } });
}

/** As part of a change: one less. */
export async function countErased(draft: Draft, owner: Username, recipient: Username): Promise<void> {
  const { [recipient]: pair = 0, ...others } = await readHeld(draft, owner);
  draft.put(KEY.grantsHeld(owner), { to: pair > 1 ? { ...others, [recipient]: pair - 1 } : others });
}

async function readHeld(draft: Draft, owner: Username): Promise<Record<Username, number>> {
  return (await draft.read(GrantsHeld, KEY.grantsHeld(owner)))?.to ?? {};
}
