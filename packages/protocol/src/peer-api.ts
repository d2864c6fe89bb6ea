/** What peers say to each other over mutual TLS. The certificate's key says who speaks. */

import * as z from 'zod';
import { RequestState } from './cluster-api.ts';
import { Signed } from './documents.ts';
import { VIEWS_MAX, VIEWS_MIN } from './limits.ts';
import { DeliveryId, GrantId, RequestId, UnixMs, Username } from './names.ts';

/** `POST /p2p/request-image`. */
export const RequestImageBody = z.object({ request: Signed });
export type RequestImageBody = z.infer<typeof RequestImageBody>;
export const RequestImageAnswer = z.object({ id: RequestId, state: RequestState });
export type RequestImageAnswer = z.infer<typeof RequestImageAnswer>;

/** `PUT /p2p/receive-image/:deliveryId`: the carrier's bytes, its signed `DeliveryManifest` in this header (base64url JSON of `Signed`). */
export const MANIFEST_HEADER = 'delivery-manifest';
/** The answer: a signed `DeliveryReceipt`. */
export const ReceiveImageAnswer = z.object({ receipt: Signed });
export type ReceiveImageAnswer = z.infer<typeof ReceiveImageAnswer>;

/** One request as its owner's peer shows it, to the owner only. */
export const PendingRequest = z.object({
  id: RequestId,
  from: Username,
  imageIndex: z.int().nonnegative(),
  imageName: z.string(),
  message: z.string().optional(),
  at: UnixMs,
  receivedAt: UnixMs,
  state: RequestState,
});
export type PendingRequest = z.infer<typeof PendingRequest>;
/** `GET /p2p/list-requests`, owner only. */
export const ListRequestsAnswer = z.object({ requests: z.array(PendingRequest) });
export type ListRequestsAnswer = z.infer<typeof ListRequestsAnswer>;

/** `POST /p2p/send-image`, owner only. */
export const SendImageBody = z.object({
  requester: Username,
  imageIndex: z.int().nonnegative(),
  views: z.int().min(VIEWS_MIN).max(VIEWS_MAX),
  expiresAt: UnixMs.nullable().default(null),
  allowSave: z.boolean().default(true),
});
export type SendImageBody = z.infer<typeof SendImageBody>;
export const SendImageAnswer = z.object({
  grant: GrantId,
  deliveryId: DeliveryId,
  delivered: z.boolean(),
  carrierBytes: z.int().positive(),
});
export type SendImageAnswer = z.infer<typeof SendImageAnswer>;
