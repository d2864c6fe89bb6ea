/** "May I have your picture?": asking, being asked, and answering no. Answering yes is `sending.ts`. */

import { openSigned, signDocument, toHex } from '@cloud-steg/envelope';
import {
  type Address,
  AppError,
  FiledRequest,
  type GrantId,
  ImageRequest,
  PAGE_MAX,
  type PendingRequest,
  parseJson,
  REQUESTS_PENDING_PER_OWNER_MAX,
  REQUESTS_PENDING_PER_PAIR_MAX,
  RequestId,
  RequestImageAnswer,
  RequestPage,
  type RequestState,
  Signed,
  type Username,
} from '@cloud-steg/protocol';
import type { Contact } from './contacts.ts';
import { imageAt, imageById } from './image-library.ts';
import { attemptNow, enqueue, isRefusal, requireRoom, type Send } from './outbox.ts';
import type { Peer } from './peer.ts';
import { callPeer } from './peer-call.ts';
import type { Row } from './peer-database.ts';
import { findPerson, lookUp, type Person } from './people.ts';

export interface AskOptions {
  readonly owner: Username;
  readonly imageIndex: number;
  /** Tried besides the addresses the owner advertises. */
  readonly address?: Address;
  readonly message?: string;
  /** False: fail with `peer/unreachable` instead of queueing. */
  readonly queue: boolean;
}

export interface AskResult {
  readonly id: RequestId;
  readonly owner: Username;
  readonly imageIndex: number;
  /** `queued`: the owner could not be reached; the request waits in the outbox and at the cluster. */
  readonly state: 'delivered' | 'queued';
  /** Why it was queued. */
  readonly reason?: string;
}

/** Asks an owner for a picture. Throws `identity/unknown`, `image/no-such-index`, `peer/unreachable` without a queue. */
export async function requestImage(peer: Peer, options: AskOptions): Promise<AskResult> {
  const { owner, imageIndex } = options;
  if (owner === peer.username) throw new AppError('usage/bad-argument', 'that picture is your own');
  const person = await findPerson(peer, owner);
  const image = person.images[imageIndex];
  if (!image) {
    const count = person.images.length;
    throw new AppError(
      'image/no-such-index',
      `${owner} has no picture ${imageIndex}: there ${count === 1 ? 'is 1' : `are ${count}`}, counted from 0`,
      { hint: 'see the pictures with: p2p-client list-online', data: { index: imageIndex, count } },
    );
  }
  const request: ImageRequest = {
    v: 1,
    id: toHex(peer.ports.random(16)) as RequestId,
    from: peer.username,
    to: owner,
    imageId: image.id,
    imageIndex,
    ...(options.message !== undefined && { message: options.message }),
    at: peer.ports.now(),
  };
  const signed = signDocument(peer.profile.identity.signing, 'image-request', request);
  const addresses = options.address ? [options.address, ...person.addresses] : person.addresses;
  const asked = { ...person, addresses };
  if (!options.queue) {
    await deliverRequest(peer, signed, asked);
    recordAsked(peer, request, signed);
    return { id: request.id, owner, imageIndex, state: 'delivered' };
  }
  requireRoom(peer);
  peer.database.transaction(() => {
    recordAsked(peer, request, signed);
    enqueue(peer, 'request', request.id, owner, signed);
  });
  const failure = await attemptNow(peer, request.id, sendRequest, asked);
  if (!failure) return { id: request.id, owner, imageIndex, state: 'delivered' };
  if (isRefusal(failure)) {
    forgetAsked(peer, request.id);
    throw failure;
  }
  await fileAtCluster(peer, signed);
  return { id: request.id, owner, imageIndex, state: 'queued', reason: failure.message };
}

/** The outbox's way to send a `request`. */
export const sendRequest: Send = async (peer, entry, person, signal) => {
  await deliverRequest(peer, parseJson(Signed, entry.payload, 'queued request'), person, signal);
  return {};
};

async function deliverRequest(
  peer: Peer,
  request: Signed,
  person: Person,
  signal?: AbortSignal,
): Promise<void> {
  await callPeer(peer, person.contact, person.addresses, {
    method: 'POST',
    path: '/p2p/request-image',
    body: { json: { request } },
    answer: RequestImageAnswer,
    ...(signal && { signal }),
  });
}

/** Leaves it where the owner finds it even if this peer is off by then. */
async function fileAtCluster(peer: Peer, request: Signed): Promise<void> {
  await peer.cluster.call({
    method: 'POST',
    path: '/requests',
    body: { request },
    as: peer.caller,
    answer: FiledRequest,
  });
}

function recordAsked(peer: Peer, request: ImageRequest, signed: Signed): void {
  peer.database.run(
    `INSERT INTO request_out (id, owner, image_id, image_index, at, state, signed) VALUES (?, ?, ?, ?, ?, 'pending', ?)`,
    request.id,
    request.to,
    request.imageId,
    request.imageIndex,
    request.at,
    JSON.stringify(signed),
  );
}

/** Takes back a request that its owner refused. */
function forgetAsked(peer: Peer, id: RequestId): void {
  peer.database.transaction(() => {
    peer.database.run('DELETE FROM outbox WHERE id = ?', id);
    peer.database.run('DELETE FROM request_out WHERE id = ?', id);
  });
}

/** Whether this user asked `owner` for what a delivery claims to answer, and still waits for it. */
export function askedFor(peer: Peer, owner: Username, id: RequestId): boolean {
  const row = peer.database.get(
    `SELECT id FROM request_out WHERE id = ? AND owner = ? AND state = 'pending'`,
    id,
    owner,
  );
  return row !== undefined;
}

export interface AcceptedRequest {
  readonly id: RequestId;
  readonly state: RequestState;
  /** False when it had arrived before. */
  readonly fresh: boolean;
}

/**
 * Records a request that arrived, once per id, signed by `sender`'s key. Throws `auth/bad-signature`, `auth/forbidden` when it
 * is for or from somebody else, `image/no-such-index`, `operation/conflict`, and `rate/limited` while too many wait already.
 */
export function acceptRequest(peer: Peer, signed: Signed, sender: Contact): AcceptedRequest {
  const request = openSigned(ImageRequest, 'image-request', sender.ed25519, signed);
  if (request.to !== peer.username || request.from !== sender.username) {
    throw new AppError(
      'auth/forbidden',
      `a request from ${request.from} to ${request.to} came from ${sender.username}`,
    );
  }
  if (!imageById(peer.database, request.imageId)) {
    throw new AppError('image/no-such-index', `${peer.username} no longer has picture ${request.imageIndex}`);
  }
  // Counted and inserted in one statement, so that requests which come together don't pass the limit together.
  const inserted = peer.database.run(
    `INSERT INTO request_in (id, sender, image_id, image_index, message, at, received_at, state, signed)
     SELECT ?, ?, ?, ?, ?, ?, ?, 'pending', ?
     WHERE (SELECT COUNT(*) FROM request_in WHERE state = 'pending') < ?
       AND (SELECT COUNT(*) FROM request_in WHERE state = 'pending' AND sender = ?) < ?
     ON CONFLICT (id) DO NOTHING`,
    request.id,
    request.from,
    request.imageId,
    request.imageIndex,
    request.message ?? null,
    request.at,
    peer.ports.now(),
    JSON.stringify(signed),
    REQUESTS_PENDING_PER_OWNER_MAX,
    request.from,
    REQUESTS_PENDING_PER_PAIR_MAX,
  );
  const row = peer.database.get('SELECT state, signed FROM request_in WHERE id = ?', request.id);
  if (!row) {
    throw new AppError(
      'rate/limited',
      `too many requests wait for ${peer.username}: at most ${REQUESTS_PENDING_PER_PAIR_MAX} of one user and ${REQUESTS_PENDING_PER_OWNER_MAX} in all may`,
      { hint: `wait until ${peer.username} has answered some` },
    );
  }
  if (row['signed'] !== JSON.stringify(signed)) {
    throw new AppError('operation/conflict', 'another request has this id');
  }
  return { id: request.id, state: row['state'] as RequestState, fresh: inserted > 0 };
}

/** Fetches requests that were left at the cluster; returns how many are new here. */
export async function collectFiledRequests(peer: Peer): Promise<number> {
  let fresh = 0;
  const call = { path: '/requests', as: peer.caller, answer: RequestPage };
  for await (const page of peer.cluster.pages(call)) {
    for (const { request, state } of page.requests) {
      if (state === 'pending' && (await collectOne(peer, request))) fresh++;
    }
  }
  return fresh;
}

async function collectOne(peer: Peer, signed: Signed): Promise<boolean> {
  const claimed = parseJson(ImageRequest, signed.text, 'filed request');
  if (peer.database.get('SELECT id FROM request_in WHERE id = ?', claimed.id)) return false;
  try {
    const { contact, identity } = await lookUp(peer, claimed.from);
    const { fresh } = acceptRequest(peer, signed, contact);
    peer.contacts.remember(claimed.from, identity);
    return fresh;
  } catch (error) {
    // Without the cluster the others can't be looked up either: later, all together.
    if (!(error instanceof AppError) || error.code.startsWith('cluster/')) throw error;
    peer.ports.log('warn', 'filed-request-refused', {
      from: claimed.from,
      code: error.code,
      error: error.message,
    });
    return false;
  }
}

/** Requests for this user's pictures that wait for an answer, oldest first; no more than `PAGE_MAX`. */
export function pendingRequests(peer: Peer): PendingRequest[] {
  const rows = peer.database.all(
    `SELECT * FROM request_in WHERE state = 'pending' ORDER BY received_at, id LIMIT ?`,
    PAGE_MAX,
  );
  return rows.map((row) => pendingOf(peer, row));
}

/**
 * The request `requester` made for picture `imageIndex` and that still waits, the oldest first.
 * Throws `image/no-such-index`, `request/unknown`.
 */
export function pendingRequestOf(peer: Peer, requester: Username, imageIndex: number): PendingRequest {
  const image = imageAt(peer.database, imageIndex);
  const row = peer.database.get(
    `SELECT * FROM request_in WHERE state = 'pending' AND sender = ? AND image_id = ? ORDER BY received_at LIMIT 1`,
    requester,
    image.id,
  );
  if (row) return pendingOf(peer, row);
  const others = pendingRequests(peer).filter(({ from }) => from === requester);
  const asked = others.map((request) => request.imageIndex).join(', ');
  throw new AppError(
    'request/unknown',
    others.length > 0
      ? `${requester} has not asked for picture ${imageIndex}, but for ${asked}`
      : `${requester} has not asked for a picture`,
    { hint: 'see who asks for what with: p2p-client list-requests' },
  );
}

/**
 * Marks a request as approved, together with `record`, unless it was answered meanwhile.
 * Throws `request/answered` with nothing changed.
 */
export function answerRequest(peer: Peer, id: RequestId, grant: GrantId, record: () => void): void {
  peer.database.transaction(() => {
    const answered = peer.database.run(
      `UPDATE request_in SET state = 'approved', grant_id = ? WHERE id = ? AND state = 'pending'`,
      grant,
      id,
    );
    if (answered === 0) throw new AppError('request/answered', 'this request was answered meanwhile');
    record();
  });
}

/** Answers no, at the cluster if it was left there, and here. Throws `request/answered`, `cluster/...` with nothing changed. */
export async function denyRequest(peer: Peer, request: PendingRequest): Promise<void> {
  const pending = peer.database.get(
    `SELECT id FROM request_in WHERE id = ? AND state = 'pending'`,
    request.id,
  );
  if (!pending) throw new AppError('request/answered', 'this request was answered already');
  try {
    await peer.cluster.call({
      method: 'PATCH',
      path: `/requests/${request.id}`,
      body: { state: 'denied' },
      as: peer.caller,
      answer: FiledRequest,
    });
  } catch (error) {
    // Most requests never went through the cluster.
    if (!(error instanceof AppError) || error.code !== 'request/unknown') throw error;
  }
  peer.database.run(`UPDATE request_in SET state = 'denied' WHERE id = ? AND state = 'pending'`, request.id);
}

function pendingOf(peer: Peer, row: Row): PendingRequest {
  const image = imageById(peer.database, row['image_id'] as Parameters<typeof imageById>[1]);
  return {
    id: RequestId.parse(row['id']),
    from: row['sender'] as Username,
    imageIndex: Number(row['image_index']),
    imageName: image?.name ?? '(removed)',
    ...(row['message'] !== null && { message: String(row['message']) }),
    at: Number(row['at']),
    receivedAt: Number(row['received_at']),
    state: row['state'] as RequestState,
  };
}
