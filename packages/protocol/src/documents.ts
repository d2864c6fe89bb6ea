/**
 * Signed documents: what must outlive the connection it came by. A document is signed as the exact
 * JSON text its author wrote (no canonical form to get wrong), under a context that keeps one kind
 * from passing for another: Ed25519 over `cloud-steg/<context>/v1\n<text>`.
 */

import * as z from 'zod';
import { FILE_NAME_BYTES_MAX, MESSAGE_CHARS_MAX, VIEWS_MAX, VIEWS_MIN } from './limits.ts';
import {
  DeliveryId,
  GrantId,
  ImageId,
  PublicKey,
  RequestId,
  Sha256,
  Signature,
  UnixMs,
  Username,
  ViewId,
} from './names.ts';

export const SIGNING_CONTEXTS = [
  'identity',
  'identity-cosign',
  'leader',
  'image-request',
  'grant-entry',
  'view-receipt',
  'delivery',
  'delivery-receipt',
] as const;
export type SigningContext = (typeof SIGNING_CONTEXTS)[number];

/** A document's text and its author's signature. Who the author is, the text says and the reader checks. */
export const Signed = z.object({ text: z.string().min(2).max(4096), signature: Signature });
export type Signed = z.infer<typeof Signed>;

/** Binds a name to its keys. `seq` rises with every change; the cluster keeps the highest. */
export const IdentityRecord = z.object({
  v: z.literal(1),
  username: Username,
  ed25519: PublicKey,
  x25519: PublicKey,
  seq: z.int().positive(),
  issuedAt: UnixMs,
  expiresAt: UnixMs,
});
export type IdentityRecord = z.infer<typeof IdentityRecord>;

/** An identity record signed by its user, and by the cluster that gave the name away. */
export const CosignedIdentity = Signed.extend({ cosignature: Signature });
export type CosignedIdentity = z.infer<typeof CosignedIdentity>;

/** What the cluster's key says of its leader, so that a redirect can be followed in good faith. */
export const LeaderStatement = z.object({
  v: z.literal(1),
  url: z.url(),
  term: z.int().nonnegative(),
  at: UnixMs,
});
export type LeaderStatement = z.infer<typeof LeaderStatement>;

/** "May I have your picture?" Signed by `from`. */
export const ImageRequest = z.object({
  v: z.literal(1),
  id: RequestId,
  from: Username,
  to: Username,
  imageId: ImageId,
  /** Position of the picture in its owner's list, from 0. */
  imageIndex: z.int().nonnegative(),
  message: z.string().max(MESSAGE_CHARS_MAX).optional(),
  at: UnixMs,
});
export type ImageRequest = z.infer<typeof ImageRequest>;

const Views = z.int().min(VIEWS_MIN).max(VIEWS_MAX);

/** First entry of a grant's log. Signed by the owner. */
export const GrantCreation = z.object({
  v: z.literal(1),
  kind: z.literal('create'),
  grant: GrantId,
  seq: z.literal(0),
  owner: Username,
  ownerKey: PublicKey,
  recipient: Username,
  /** The recipient's Ed25519 key: who may spend. */
  recipientKey: PublicKey,
  imageId: ImageId,
  imageIndex: z.int().nonnegative(),
  imageName: z.string().max(FILE_NAME_BYTES_MAX),
  requestId: RequestId.optional(),
  views: Views,
  expiresAt: UnixMs.nullable(),
  allowSave: z.boolean(),
  /** SHA-256 of the sealed key share. */
  shareSha256: Sha256,
  /** SHA-256 over file id (16 bytes) and body ciphertext: which carrier this grant opens. */
  contentSha256: Sha256,
  at: UnixMs,
});
export type GrantCreation = z.infer<typeof GrantCreation>;

/** Later entry of a grant's log: states the grant's terms anew. Signed by the owner. */
export const GrantAmendment = z.object({
  v: z.literal(1),
  kind: z.literal('amend'),
  grant: GrantId,
  seq: z.int().positive(),
  /** SHA-256 of the text of the entry before. */
  prev: Sha256,
  views: Views,
  expiresAt: UnixMs.nullable(),
  revoked: z.boolean(),
  at: UnixMs,
});
export type GrantAmendment = z.infer<typeof GrantAmendment>;

export const GrantEntry = z.discriminatedUnion('kind', [GrantCreation, GrantAmendment]);
export type GrantEntry = z.infer<typeof GrantEntry>;

/** "I opened it." Signed by the viewer when a view is closed. */
export const ViewReceipt = z.object({
  v: z.literal(1),
  grant: GrantId,
  viewId: ViewId,
  /** Which view this was, from 1. */
  n: z.int().positive(),
  viewer: Username,
  at: UnixMs,
});
export type ViewReceipt = z.infer<typeof ViewReceipt>;

/** What a delivery brings. Signed by its sender. */
export const DeliveryManifest = z.object({
  v: z.literal(1),
  deliveryId: DeliveryId,
  from: Username,
  to: Username,
  requestId: RequestId,
  grant: GrantId,
  imageName: z.string().max(FILE_NAME_BYTES_MAX),
  views: Views,
  expiresAt: UnixMs.nullable(),
  /** Size and hash of the carrier's file. */
  bytes: z.int().positive(),
  sha256: Sha256,
  at: UnixMs,
});
export type DeliveryManifest = z.infer<typeof DeliveryManifest>;

/** "I have it, whole." Signed by the recipient. */
export const DeliveryReceipt = z.object({
  v: z.literal(1),
  deliveryId: DeliveryId,
  sha256: Sha256,
  to: Username,
  at: UnixMs,
});
export type DeliveryReceipt = z.infer<typeof DeliveryReceipt>;
