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
  type DeliveryId,
  DeliveryManifest,
  DeliveryReceipt,
  type GrantCreation,
  type GrantId,
  GrantView,
  MANIFEST_HEADER,
  parseJson,
  ReceiveImageAnswer,
  Signed,
  type Username,
  VIEWS_MAX,
  VIEWS_MIN,
} from '@cloud-steg/protocol';
import { writeFileDurably } from './durable-file.ts';
import { imageAt, readImage } from './image-library.ts';
import { attemptNow, enqueue, type OutboxEntry } from './outbox.ts';
import type { Peer } from './peer.ts';
import { callPeer } from './peer-call.ts';
import { findPerson, type Person } from './people.ts';
import { pendingRequestOf } from './requests.ts';

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

/**
 * Answers a pending request by sending the picture. What can be wrong is found before the grant exists; the carrier
 * is on disk before the request counts as answered. Throws `usage/bad-argument`, `identity/unknown`, `identity/changed`,
 * `request/unknown`, `image/...`, `carrier/...`, `cluster/...`.
 */
export async function sendImage(peer: Peer, options: SendOptions): Promise<SendResult> {
  checkTerms(peer, options);
  const image = imageAt(peer.database, options.imageIndex);
  const person = await findPerson(peer, options.requester);
  const request = pendingRequestOf(peer, options.requester, options.imageIndex);

  const { random, now } = peer.ports;
  const grant = toHex(random(16)) as GrantId;
  const deliveryId = toHex(random(16)) as DeliveryId;
  const share = random(32);
  const identity = peer.profile.identity;
  const original = await readImage(peer, image);
  const carrier = await peer.ports.engine.hide({
    pair: pairKey(identity.agreement, person.contact.x25519, peer.username, options.requester),
    grant,
    carrierKey: random(32),
    share,
    views: options.views,
    expiresAt: options.expiresAt,
    file: { name: image.name, mediaType: image.mediaType, bytes: original },
    ...(options.coverPath !== undefined && { coverPath: options.coverPath }),
  });
  const spool = peer.directory.spoolFile(peer.username, deliveryId);
  await writeFileDurably(spool, carrier.png);

  const sealedShare = await sealShare(person.contact.x25519, grant, share);
  const creation: GrantCreation = {
    v: 1,
    kind: 'create',
    grant,
    seq: 0,
    owner: peer.username,
    ownerKey: identity.signing.publicKey,
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
    at: now(),
  };
  try {
    await peer.cluster.call({
      method: 'POST',
      path: '/grants',
      body: { entry: signGrantCreation(identity.signing, creation), sealedShare: toBase64url(sealedShare) },
      as: peer.caller,
      answer: GrantView,
    });
  } catch (error) {
    await rm(spool, { force: true });
    throw error;
  }

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
    at: now(),
  };
  peer.database.transaction(() => {
    peer.database.run(
      'INSERT INTO grant_out (id, recipient, image_id, request_id, delivery_id, created_at) VALUES (?, ?, ?, ?, ?, ?)',
      grant,
      options.requester,
      image.id,
      request.id,
      deliveryId,
      now(),
    );
    peer.database.run(
      `UPDATE request_in SET state = 'approved', grant_id = ? WHERE id = ?`,
      grant,
      request.id,
    );
    enqueue(
      peer,
      'delivery',
      deliveryId,
      options.requester,
      signDocument(identity.signing, 'delivery', manifest),
    );
  });

  const failure = await attemptNow(peer, deliveryId, sendDelivery, person);
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

/** The outbox's way to send a `delivery`: the spooled carrier, then the recipient's signed receipt. */
export async function sendDelivery(peer: Peer, entry: OutboxEntry, person: Person): Promise<void> {
  const signed = parseJson(Signed, entry.payload, 'queued delivery');
  const manifest = parseJson(DeliveryManifest, signed.text, 'queued delivery');
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
      [MANIFEST_HEADER]: toBase64url(Buffer.from(JSON.stringify(signed))),
    },
    body: { stream: createReadStream(spool), bytes: manifest.bytes },
    answer: ReceiveImageAnswer,
  });
  const receipt = openSigned(DeliveryReceipt, 'delivery-receipt', person.contact.ed25519, answer.receipt);
  if (receipt.deliveryId !== manifest.deliveryId || receipt.sha256 !== manifest.sha256) {
    throw new AppError('delivery/damaged', `${manifest.to} acknowledged something else than was sent`);
  }
  peer.database.run('UPDATE grant_out SET delivered_at = ? WHERE id = ?', peer.ports.now(), manifest.grant);
  await rm(spool, { force: true });
}

function checkTerms(peer: Peer, { views, expiresAt }: SendOptions): void {
  if (!Number.isInteger(views) || views < VIEWS_MIN || views > VIEWS_MAX) {
    throw new AppError('usage/bad-argument', `${views} views: a grant has ${VIEWS_MIN} to ${VIEWS_MAX}`);
  }
  if (expiresAt !== null && expiresAt <= peer.ports.now()) {
    throw new AppError('usage/bad-argument', 'the expiry lies in the past');
  }
}
