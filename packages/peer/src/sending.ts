/** "Yes, this often": grant, seal, hide, spool once, deliver now or later. */

import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import {
  openSigned,
  pairKey,
  sealShare,
  sha256Hex,
  signDocument,
  signGrantCreation,
  toBase64url,
  toHex,
} from '@cloud-steg/envelope';
import {
  AppError,
  CreateGrantBody,
  type DeliveryId,
  DeliveryManifest,
  DeliveryReceipt,
  type GrantCreation,
  type GrantId,
  GrantView,
  MANIFEST_HEADER,
  type PendingRequest,
  parseJson,
  ReceiveImageAnswer,
  type RequestId,
  Signed,
  traitsOf,
  type Username,
  VIEWS_MAX,
  VIEWS_MIN,
} from '@cloud-steg/protocol';
import * as z from 'zod';
import type { MadeCarrier } from './carrier.ts';
import { writeFileDurably } from './durable-file.ts';
import { imageAt, type LibraryImage, readImage } from './image-library.ts';
import { attemptNow, enqueue, isRefusal, requireRoom, type Send } from './outbox.ts';
import type { Peer } from './peer.ts';
import { callPeer } from './peer-call.ts';
import { findPerson, type Person } from './people.ts';
import { answerRequest, pendingRequestOf } from './requests.ts';

export interface SendOptions {
  readonly requester: Username;
  readonly imageIndex: number;
  readonly views: number;
  readonly expiresAt: number | null;
  readonly allowSave: boolean;
  readonly coverPath?: string;
}

export interface SendResult {
  readonly grant: GrantId;
  readonly deliveryId: DeliveryId;
  readonly requester: Username;
  readonly imageName: string;
  readonly views: number;
  /** `queued`: the carrier waits in the outbox until the requester is online. */
  readonly state: 'delivered' | 'queued';
  readonly reason?: string;
  readonly profile: 'synth' | 'balanced';
  readonly width: number;
  readonly height: number;
  readonly originalBytes: number;
  readonly carrierBytes: number;
}

/** What the outbox keeps of a delivery: the grant, to be made at the cluster first, and the manifest. */
const QueuedDelivery = z.object({ grant: CreateGrantBody, manifest: Signed });
type QueuedDelivery = z.infer<typeof QueuedDelivery>;

/**
 * Answers a pending request by sending the picture. What can be wrong is found before the request counts as answered; from then
 * on carrier, grant and delivery are on disk and outlive a crash at any point. Throws `usage/bad-argument`, `identity/unknown`,
 * `identity/changed`, `request/unknown`, `request/answered`, `image/...`, `carrier/...`, `cluster/...`, `rate/limited`.
 */
export async function sendImage(peer: Peer, options: SendOptions): Promise<SendResult> {
  checkTerms(peer, options);
  requireRoom(peer);
  const image = imageAt(peer.database, options.imageIndex);
  const person = await findPerson(peer, options.requester);
  const request = pendingRequestOf(peer, options.requester, options.imageIndex);
  const original = await readImage(peer, image);

  const grant = toHex(peer.ports.random(16)) as GrantId;
  const deliveryId = toHex(peer.ports.random(16)) as DeliveryId;
  const share = peer.ports.random(32);
  const carrier = await peer.ports.engine.hide({
    pair: pairKey(peer.profile.identity.agreement, person.contact.x25519, peer.username, options.requester),
    grant,
    carrierKey: peer.ports.random(32),
    share,
    views: options.views,
    expiresAt: options.expiresAt,
    file: { name: image.name, mediaType: image.mediaType, bytes: original },
    ...(options.coverPath !== undefined && { coverPath: options.coverPath }),
  });
  const queued = await signDelivery(peer, {
    options,
    person,
    request,
    image,
    grant,
    deliveryId,
    share,
    carrier,
  });
  const spool = peer.directory.spoolFile(peer.username, deliveryId);
  await writeFileDurably(spool, carrier.png);
  try {
    answerRequest(peer, request.id, grant, () => {
      peer.database.run(
        'INSERT INTO grant_out (id, recipient, image_id, request_id, delivery_id, created_at) VALUES (?, ?, ?, ?, ?, ?)',
        grant,
        options.requester,
        image.id,
        request.id,
        deliveryId,
        peer.ports.now(),
      );
      enqueue(peer, 'delivery', deliveryId, options.requester, queued);
    });
  } catch (error) {
    await rm(spool, { force: true });
    throw error;
  }

  const failure = await attemptNow(peer, deliveryId, sendDelivery, person);
  if (failure && !isGranted(peer, grant) && !isPassing(failure)) {
    await withdraw(peer, request.id, grant, deliveryId);
    throw failure;
  }
  if (failure && isRefusal(failure)) throw failure;
  return {
    grant,
    deliveryId,
    requester: options.requester,
    imageName: image.name,
    views: options.views,
    state: failure ? 'queued' : 'delivered',
    ...(failure && { reason: failure.message }),
    profile: carrier.profile,
    width: carrier.width,
    height: carrier.height,
    originalBytes: original.length,
    carrierBytes: carrier.png.length,
  };
}

/** The outbox's way to send a `delivery`: the grant first, then the spooled carrier, against the recipient's signed receipt. */
export const sendDelivery: Send = async (peer, entry, person, signal) => {
  const queued = parseJson(QueuedDelivery, entry.payload, 'queued delivery');
  const manifest = parseJson(DeliveryManifest, queued.manifest.text, 'queued delivery');
  await ensureGranted(peer, manifest.grant, queued.grant);

  const spool = peer.directory.spoolFile(peer.username, manifest.deliveryId);
  const size = await stat(spool).then(
    (info) => info.size,
    () => undefined,
  );
  if (size !== manifest.bytes) {
    throw new AppError(
      'delivery/conflict',
      `the carrier for ${manifest.to} is no longer in the outbox: ${spool}`,
      {
        hint: 'revoke the grant and send the picture again',
      },
    );
  }
  const answer = await callPeer(peer, person.contact, person.addresses, {
    method: 'PUT',
    path: `/p2p/receive-image/${manifest.deliveryId}`,
    headers: {
      'content-type': 'image/png',
      [MANIFEST_HEADER]: toBase64url(Buffer.from(JSON.stringify(queued.manifest))),
    },
    body: { stream: () => createReadStream(spool), bytes: manifest.bytes },
    answer: ReceiveImageAnswer,
    ...(signal && { signal }),
  });
  const receipt = openSigned(DeliveryReceipt, 'delivery-receipt', person.contact.ed25519, answer.receipt);
  if (receipt.deliveryId !== manifest.deliveryId || receipt.sha256 !== manifest.sha256) {
    throw new AppError('delivery/damaged', `${manifest.to} acknowledged something else than was sent`);
  }
  return {
    record: () => {
      peer.database.run(
        'UPDATE grant_out SET delivered_at = ? WHERE id = ?',
        peer.ports.now(),
        manifest.grant,
      );
    },
    cleanUp: () => rm(spool, { force: true }),
  };
};

interface Delivery {
  readonly options: SendOptions;
  readonly person: Person;
  readonly request: PendingRequest;
  readonly image: LibraryImage;
  readonly grant: GrantId;
  readonly deliveryId: DeliveryId;
  readonly share: Uint8Array;
  readonly carrier: MadeCarrier;
}

async function signDelivery(peer: Peer, delivery: Delivery): Promise<QueuedDelivery> {
  const { options, person, request, image, grant, deliveryId, share, carrier } = delivery;
  const { signing } = peer.profile.identity;
  const at = peer.ports.now();
  const sealedShare = await sealShare(person.contact.x25519, grant, share);
  const creation: GrantCreation = {
    v: 1,
    kind: 'create',
    grant,
    seq: 0,
    owner: peer.username,
    ownerKey: signing.publicKey,
    recipient: options.requester,
    recipientKey: person.contact.ed25519,
    imageId: image.id,
    imageIndex: image.index,
    imageName: image.name,
    requestId: request.id,
    views: options.views,
    expiresAt: options.expiresAt,
    allowSave: options.allowSave,
    shareSha256: sha256Hex(sealedShare),
    contentSha256: carrier.contentSha256,
    at,
  };
  const manifest: DeliveryManifest = {
    v: 1,
    deliveryId,
    from: peer.username,
    to: options.requester,
    requestId: request.id,
    grant,
    imageName: image.name,
    views: options.views,
    expiresAt: options.expiresAt,
    bytes: carrier.png.length,
    sha256: sha256Hex(carrier.png),
    at,
  };
  return {
    grant: { entry: signGrantCreation(signing, creation), sealedShare: toBase64url(sealedShare) },
    manifest: signDocument(signing, 'delivery', manifest),
  };
}

/** Makes the grant at the cluster, once however often this is tried: its id says which. */
async function ensureGranted(peer: Peer, grant: GrantId, body: CreateGrantBody): Promise<void> {
  if (isGranted(peer, grant)) return;
  await peer.cluster.call({ method: 'POST', path: '/grants', body, as: peer.caller, answer: GrantView });
  peer.database.run('UPDATE grant_out SET granted_at = ? WHERE id = ?', peer.ports.now(), grant);
}

function isGranted(peer: Peer, grant: GrantId): boolean {
  return (
    peer.database.get('SELECT id FROM grant_out WHERE id = ? AND granted_at IS NOT NULL', grant) !== undefined
  );
}

/** Whether trying again later may help: nobody said no. */
function isPassing({ code }: AppError): boolean {
  return traitsOf(code).status === 503 || code === 'peer/busy';
}

/** Takes back an answer the cluster refused: the request waits again. */
async function withdraw(
  peer: Peer,
  request: RequestId,
  grant: GrantId,
  deliveryId: DeliveryId,
): Promise<void> {
  peer.database.transaction(() => {
    peer.database.run('DELETE FROM outbox WHERE id = ?', deliveryId);
    peer.database.run('DELETE FROM grant_out WHERE id = ?', grant);
    peer.database.run(`UPDATE request_in SET state = 'pending', grant_id = NULL WHERE id = ?`, request);
  });
  await rm(peer.directory.spoolFile(peer.username, deliveryId), { force: true });
}

function checkTerms(peer: Peer, { views, expiresAt }: SendOptions): void {
  if (!Number.isInteger(views) || views < VIEWS_MIN || views > VIEWS_MAX) {
    throw new AppError('usage/bad-argument', `${views} views: a grant has ${VIEWS_MIN} to ${VIEWS_MAX}`);
  }
  if (expiresAt !== null && expiresAt <= peer.ports.now()) {
    throw new AppError('usage/bad-argument', 'the expiry lies in the past');
  }
}
