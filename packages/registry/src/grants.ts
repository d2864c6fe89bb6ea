/** Grants: an owner's signed log, the terms it amounts to, and what became of them. */

import {
  AppError,
  type ErrorCode,
  GRANT_LOG_BYTES_MAX,
  GRANT_LOG_ENTRIES_MAX,
  type GrantAmendment,
  type GrantCreation,
  GrantEvent,
  type GrantId,
  type GrantView,
  type Signed,
  SWEEP_GRANTS_MAX,
  type Term,
  toAppError,
  Username,
} from '@cloud-steg/protocol';
import { GrantRecord, phaseOf, putGrant, viewOf } from './grant-record.ts';
import { countHeld } from './grants-held.ts';
import { eventName, KEY, PREFIX, parseDue } from './keys.ts';
import { type Draft, decode, encode, type Page, type PageQuery } from './ledger.ts';
import type { Registry } from './registry.ts';
import { approveRequest } from './requests.ts';
import { getUser } from './users.ts';

export interface NewGrant {
  /** Signed by `creation.ownerKey`; checked. */
  readonly entry: Signed;
  /** What `entry` says. */
  readonly creation: GrantCreation;
  readonly sealedShare: Uint8Array;
}

/**
 * Takes a grant in, once per id.
 *
 * Throws `identity/unknown`, `identity/changed` (a key in the grant is no longer its user's),
 * `input/invalid` (the share isn't the one that was signed), `grant/expired` (already over),
 * `operation/conflict` (the id stands for another grant), `rate/limited` (too many that have not ended).
 */
export async function createGrant(
  registry: Registry,
  term: Term,
  { entry, creation, sealedShare }: NewGrant,
): Promise<GrantView> {
  const { grant: id, owner, recipient } = creation;
  if (registry.sha256(sealedShare) !== creation.shareSha256) {
    throw new AppError('input/invalid', 'the sealed share has another hash than the grant states');
  }
  // In the owner's lane: all his creations change the one count.
  return registry.ledger.change(term, KEY.grantsHeld(owner), async (draft) => {
    const now = registry.now();
    const known = await readGrant(draft, id);
    if (known) {
      if (known.log[0]?.text === entry.text) return viewOf(known, now);
      throw new AppError('operation/conflict', `grant ${id} exists already, and differs`);
    }
    // Only now: a grant that was made stays made, whoever has changed keys when it is repeated.
    await checkKey(registry, owner, creation.ownerKey);
    await checkKey(registry, recipient, creation.recipientKey);
    if (creation.expiresAt !== null && creation.expiresAt <= now) {
      throw new AppError('grant/expired', 'the grant would have expired before it began');
    }
    await countHeld(draft, owner, recipient);
    draft.put(KEY.grantOwner(id), owner);
    draft.put(KEY.received(recipient, id), owner);
    draft.putBytes(KEY.share(id), sealedShare);
    if (creation.requestId) await approveRequest(draft, owner, recipient, creation.requestId, id);
    const grant: GrantRecord = {
      id,
      owner,
      ownerKey: creation.ownerKey,
      recipient,
      recipientKey: creation.recipientKey,
      log: [entry],
      head: registry.sha256(entry.text),
      views: creation.views,
      used: 0,
      expiresAt: creation.expiresAt,
      revoked: false,
      createdAt: now,
      lastOpenedAt: null,
      openViews: 0,
      openUntil: 0,
      shareHeld: true,
      events: 0,
    };
    return viewOf(await putGrant(draft, undefined, grant, [{ kind: 'created' }], now), now);
  });
}

/**
 * The key that must have signed the log of a grant, for its owner.
 * Throws `grant/unknown`, or `auth/forbidden` for anyone else.
 */
export async function ownerKeyOf(registry: Registry, id: GrantId, caller: Username) {
  const grant = await getGrantRecord(registry, id);
  if (grant.owner !== caller) throw notYours(id);
  return grant.ownerKey;
}

/**
 * Adds the next entry to a grant's log; `entry` was checked against {@link ownerKeyOf}. The same entry
 * again changes nothing.
 *
 * Throws `grant/unknown`, `grant/out-of-order` (it doesn't build on the newest entry), `grant/ended`,
 * `input/too-large` (amended too often; revoking is still possible).
 */
export function amendGrant(
  registry: Registry,
  term: Term,
  entry: Signed,
  amendment: GrantAmendment,
): Promise<GrantView> {
  const { grant: id, seq } = amendment;
  return registry.ledger.change(term, KEY.grantOwner(id), async (draft) => {
    const now = registry.now();
    const grant = await readGrant(draft, id);
    if (!grant) throw unknownGrant(id);
    if (grant.log[seq]?.text === entry.text) return viewOf(grant, now);
    if (seq !== grant.log.length || amendment.prev !== grant.head) {
      throw new AppError(
        'grant/out-of-order',
        `entry ${seq} does not follow entry ${grant.log.length - 1}, the newest of grant ${id}`,
      );
    }
    const phase = phaseOf(grant, now);
    if (phase !== 'active') {
      throw new AppError('grant/ended', `grant ${id} is ${phase} and can't be changed any more`);
    }
    const log = [...grant.log, entry];
    if (!amendment.revoked) checkLogSize(id, log);
    const amended: GrantRecord = {
      ...grant,
      log,
      head: registry.sha256(entry.text),
      views: amendment.views,
      expiresAt: amendment.expiresAt,
      revoked: amendment.revoked,
    };
    return viewOf(await putGrant(draft, grant, amended, [{ kind: 'amended' }], now), now);
  });
}

/** For its owner and its recipient. Throws `grant/unknown` or `auth/forbidden`. */
export async function getGrant(registry: Registry, id: GrantId, caller: Username): Promise<GrantView> {
  const grant = await getGrantRecord(registry, id);
  checkParty(grant, caller);
  return viewOf(grant, registry.now());
}

/** The caller's grants, given or received, by id. */
export function listGrants(
  registry: Registry,
  caller: Username,
  role: 'owner' | 'recipient',
  query: PageQuery,
): Promise<Page<GrantView>> {
  const { ledger } = registry;
  const now = registry.now();
  if (role === 'owner') {
    const prefix = PREFIX.grants(caller);
    return ledger.page(prefix, query, async ({ name, value }) => ({
      answer: viewOf(decode(GrantRecord, prefix + name, value), now),
      bytes: value.length,
    }));
  }
  const prefix = PREFIX.received(caller);
  return ledger.page(prefix, query, async ({ name, value }) => {
    const key = KEY.grant(decode(Username, prefix + name, value), name as GrantId);
    const bytes = await ledger.readBytes(key);
    if (!bytes) throw new AppError('store/damaged', `the record at ${key} is missing`);
    return { answer: viewOf(decode(GrantRecord, key, bytes), now), bytes: bytes.length };
  });
}

/** What happened to a grant, oldest first, for its owner and its recipient. `after` is a seq. */
export async function listGrantEvents(
  registry: Registry,
  id: GrantId,
  caller: Username,
  { limit, after }: PageQuery,
): Promise<Page<GrantEvent>> {
  checkParty(await getGrantRecord(registry, id), caller);
  const seq = after === undefined ? undefined : Number(after);
  if (seq !== undefined && !(Number.isSafeInteger(seq) && seq >= 0)) {
    throw new AppError('input/invalid', `after: ${JSON.stringify(after)} is no event's seq`);
  }
  const page = await registry.ledger.pageOf(GrantEvent, PREFIX.events(id), {
    limit,
    after: seq === undefined ? undefined : eventName(seq),
  });
  return page.next === undefined ? page : { ...page, next: String(Number(page.next)) };
}

export interface Sweep {
  /** How many grants were due and are now done with. */
  readonly swept: number;
  /** Those that are due and could not be: whatever is wrong with them is not wrong with the rest. */
  readonly failures: readonly { readonly grant: GrantId; readonly error: AppError }[];
}

/**
 * Erases the shares of grants that ended, or whose last view lapsed, with nobody asking: of
 * `SWEEP_GRANTS_MAX` that are due, passing over those that fail. Then has the store remove what is left of all
 * shares erased so far.
 *
 * Throws `cluster/fenced`, `store/unavailable` or `store/unknown-outcome`.
 */
export async function sweepGrants(registry: Registry, term: Term): Promise<Sweep> {
  const { ledger } = registry;
  const now = registry.now();
  const failures: { grant: GrantId; error: AppError }[] = [];
  let swept = 0;
  let after: string | undefined;
  do {
    const page = await ledger.page(PREFIX.due, { limit: SWEEP_GRANTS_MAX, after }, async ({ name }) => ({
      answer: parseDue(PREFIX.due + name),
      bytes: 0,
    }));
    const past = page.items.filter(({ at }) => at <= now);
    for (const { at, grant } of past) {
      if (swept === SWEEP_GRANTS_MAX) break;
      try {
        await sweepGrant(registry, term, at, grant, now);
        swept += 1;
      } catch (thrown) {
        const error = toAppError(thrown);
        if (isOfTheStore(error.code)) throw error;
        failures.push({ grant, error });
      }
    }
    after = past.length === page.items.length && swept < SWEEP_GRANTS_MAX ? page.next : undefined;
  } while (after !== undefined);
  await ledger.eraseRemnants();
  return { swept, failures };
}

function sweepGrant(registry: Registry, term: Term, at: number, id: GrantId, now: number): Promise<void> {
  return registry.ledger.change(term, KEY.grantOwner(id), async (draft) => {
    const grant = await readGrant(draft, id);
    if (grant) await putGrant(draft, grant, grant, [], now);
    else draft.del(KEY.due(at, id));
  });
}

/** Whether the next grant would fare no better. */
function isOfTheStore(code: ErrorCode): boolean {
  return code === 'cluster/fenced' || code === 'store/unavailable' || code === 'store/unknown-outcome';
}

/** As part of a change: the grant, if there is one. */
export async function readGrant(draft: Draft, id: GrantId): Promise<GrantRecord | undefined> {
  const owner = await draft.read(Username, KEY.grantOwner(id));
  return owner && (await draft.read(GrantRecord, KEY.grant(owner, id)));
}

export function unknownGrant(id: GrantId): AppError {
  return new AppError('grant/unknown', `there is no grant ${id}`);
}

export function notYours(id: GrantId): AppError {
  return new AppError('auth/forbidden', `grant ${id} is not yours`);
}

async function getGrantRecord({ ledger }: Registry, id: GrantId): Promise<GrantRecord> {
  const owner = await ledger.read(Username, KEY.grantOwner(id));
  const grant = owner && (await ledger.read(GrantRecord, KEY.grant(owner, id)));
  if (!grant) throw unknownGrant(id);
  return grant;
}

function checkParty(grant: GrantRecord, caller: Username): void {
  if (caller !== grant.owner && caller !== grant.recipient) throw notYours(grant.id);
}

async function checkKey(registry: Registry, username: Username, key: string): Promise<void> {
  const { ed25519 } = await getUser(registry, username);
  if (ed25519 !== key) {
    throw new AppError('identity/changed', `the grant names another key than ${username} has registered`, {
      hint: `fetch ${username}'s identity and grant again`,
    });
  }
}

function checkLogSize(id: GrantId, log: readonly Signed[]): void {
  const bytes = encode(log).length;
  if (log.length > GRANT_LOG_ENTRIES_MAX || bytes > GRANT_LOG_BYTES_MAX) {
    throw new AppError(
      'input/too-large',
      `grant ${id} was amended too often: ${log.length - 1} entries of at most ${GRANT_LOG_ENTRIES_MAX}, ` +
        `${bytes} bytes of at most ${GRANT_LOG_BYTES_MAX}`,
      { hint: 'it can still be revoked; send the picture again with new terms' },
    );
  }
}
