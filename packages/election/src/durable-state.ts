import * as z from 'zod';

/**
 * Stands in `votedFor` when this term's vote may be gone without this node knowing to whom. No member's
 * address can read like it.
 */
export const SPENT_VOTE = 'spent';

/**
 * What must survive a crash. It is written durably before anything that depends on it leaves the node, or
 * else a restarted node could vote twice in one term (rule 3).
 */
export const DurableState = z.object({
  /** Highest term this node took part in, or learnt of; never falls (I3). */
  term: z.int().nonnegative(),
  /** The member this node voted for in `term`, {@link SPENT_VOTE}, or null while it may still vote (I4). */
  votedFor: z.string().nullable(),
  /** Lost its disk and has not yet heard every other member's term (rule 9). */
  recovering: z.boolean(),
});
export type DurableState = Readonly<z.infer<typeof DurableState>>;
