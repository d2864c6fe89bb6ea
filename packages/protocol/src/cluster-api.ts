/** What discovery servers and their clients say to each other over HTTP. `docs/wire.md` explains it. */

import * as z from 'zod';
import { CosignedIdentity, Signed } from './documents.ts';
import {
  ADDRESSES_MAX,
  CLUSTER_NODES_MAX,
  ELECTION_ADDRESS_CHARS_MAX,
  ELECTIONS_REMEMBERED_MAX,
  HTTP_URL_CHARS_MAX,
  IMAGES_PER_USER_MAX,
  PAGE_DEFAULT,
  PAGE_MAX,
  PREVIEW_BYTES_MAX,
  VERSION_CHARS_MAX,
} from './limits.ts';
import { Address, GrantId, ImageId, PublicKey, Sha256, UnixMs, Username, ViewId } from './names.ts';

// ---- errors -------------------------------------------------------------------------------------

/** RFC 9457 body of every answer that is not a success, with our `code`. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  requestId: z.string(),
  hint: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});
export type Problem = z.infer<typeof Problem>;

/** Extra members of the problem that comes with a 307: where the leader is, and that the cluster says so. */
export const LeaderHint = z.object({
  current_leader: z.string(),
  leader_url: z.url(),
  /** `LeaderStatement` signed by the cluster's key. */
  leader_statement: Signed,
});
export type LeaderHint = z.infer<typeof LeaderHint>;

/**
 * Request header: origins, separated by commas, that this client has asked and had no answer from. A node that would
 * send it to one of these holds the request instead, until another leads.
 */
export const NO_ANSWER_FROM = 'no-answer-from';

// ---- people -------------------------------------------------------------------------------------

/** What everyone may know of a picture. `index` never changes for a given id. */
export const PublicImage = z.object({
  id: ImageId,
  index: z.int().nonnegative(),
  width: z.int().positive(),
  height: z.int().positive(),
  bytes: z.int().positive(),
  mediaType: z.string().max(64),
  /** SHA-256 of the 128x128 WebP at `GET /previews/:sha256`. */
  preview: Sha256,
});
export type PublicImage = z.infer<typeof PublicImage>;

const Addresses = z.array(Address).min(1).max(ADDRESSES_MAX);
const PreviewBytes = z.base64url().max(Math.ceil((PREVIEW_BYTES_MAX * 4) / 3));

/** `POST /register`, signed by the key it registers. Registering again with the same key replaces the record. */
export const RegisterBody = z.object({
  identity: Signed,
  addresses: Addresses,
  images: z.array(PublicImage).max(IMAGES_PER_USER_MAX),
  /** Preview bytes by hash; every hash in `images` must be here. */
  previews: z.record(Sha256, PreviewBytes),
});
export type RegisterBody = z.infer<typeof RegisterBody>;
export const RegisterAnswer = z.object({ identity: CosignedIdentity, created: z.boolean() });
export type RegisterAnswer = z.infer<typeof RegisterAnswer>;

/** `POST /heartbeat`, signed. `seq` must rise, so that a late copy can't bring anyone back online. */
export const HeartbeatBody = z.object({ username: Username, addresses: Addresses, seq: z.int().positive() });
export type HeartbeatBody = z.infer<typeof HeartbeatBody>;
export const HeartbeatAnswer = z.object({
  ttlMs: z.int().positive(),
  /** Requests for this user that wait at the cluster. */
  requestsWaiting: z.int().nonnegative(),
});
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswer>;
/** `DELETE /heartbeat`, signed: going offline. */
export const OfflineBody = z.object({ username: Username, seq: z.int().positive() });
export type OfflineBody = z.infer<typeof OfflineBody>;

/** `GET /users/:username`. */
export const UserView = z.object({
  username: Username,
  identity: CosignedIdentity,
  addresses: z.array(Address).max(ADDRESSES_MAX),
  images: z.array(PublicImage).max(IMAGES_PER_USER_MAX),
  online: z.boolean(),
  /** Age of the last heartbeat, milliseconds; null when offline. */
  lastSeenMs: z.int().nonnegative().nullable(),
});
export type UserView = z.infer<typeof UserView>;

/** Query of every paged list: at most `limit` items after the key `after`. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(PAGE_DEFAULT),
  after: z.string().max(128).optional(),
});
export type PageQuery = z.infer<typeof PageQuery>;

/** `GET /discovery/online?limit&after`, by username. `next` is the `after` of the next page. */
export const OnlinePage = z.object({ users: z.array(UserView), next: z.string().optional(), total: z.int() });
export type OnlinePage = z.infer<typeof OnlinePage>;

// ---- cluster ------------------------------------------------------------------------------------

/** A node not heard from is `unknown`, never healthy. */
export const NodeRole = z.enum(['leader', 'follower', 'candidate', 'unknown']);
export type NodeRole = z.infer<typeof NodeRole>;

const NodeAddress = z.string().max(ELECTION_ADDRESS_CHARS_MAX);
const HttpUrl = z.url().max(HTTP_URL_CHARS_MAX);
const AgeMs = z.int().nonnegative();

/** One member as the node that answers knows it. Of an `unknown` one only `url` and `lastSeenMs` may be known. */
export const NodeStatus = z.object({
  id: NodeAddress,
  url: HttpUrl.nullable(),
  role: NodeRole,
  /** The term this node itself is in. */
  term: z.int().nonnegative().nullable(),
  cpuPercent: z.number().nullable(),
  /** From the leader's latest heartbeat to this node's answer, as the leader measured it; null of the leader itself. */
  lagMs: z.number().nonnegative().nullable(),
  /** Since this node was last heard from by the node that answers; 0 for itself. */
  lastSeenMs: AgeMs.nullable(),
});
export type NodeStatus = z.infer<typeof NodeStatus>;

/** Why there was an election: what became of the leader before, as the winner knows. */
export const ElectionCause = z.enum([
  /** Nobody had ever led. */
  'first',
  /** This node has no others to ask. */
  'alone',
  /** It fell silent, for whatever reason. */
  'silence',
  /** Its process ended (rule 6a). */
  'ended',
  /** It handed over to a node that was much idler (rule 7). */
  'idler',
  /** It was told to stop, and handed over or stepped down. */
  'stopping',
  /** It handed over to a node that did not take over, and stood again. */
  'returned',
  /** It stepped down because no majority answered it (rule 5). */
  'no-quorum',
  /** The store refused it, or could not be reached by it (rule 8). */
  'refused',
  /** It had to stand again since a member was ahead in terms. */
  'terms',
]);
export type ElectionCause = z.infer<typeof ElectionCause>;

/** An election that somebody won. */
export const ElectionRecord = z.object({
  term: z.int().positive(),
  leader: NodeAddress,
  cause: ElectionCause,
  /** Since the leader was elected. An age, so that nobody's wall clock matters. */
  agoMs: AgeMs,
});
export type ElectionRecord = z.infer<typeof ElectionRecord>;

/** `GET /status`: any node answers for itself. Snake case members are those of the original. */
export const ClusterStatus = z.object({
  status: z.enum(['ok', 'no_leader']),
  node: NodeAddress,
  /** It may serve: its lease is valid, and the store granted its claim. */
  is_leader: z.boolean(),
  current_leader: NodeAddress.nullable(),
  leader_url: HttpUrl.nullable(),
  leader_statement: Signed.nullable(),
  term: z.int().nonnegative(),
  cluster_key: PublicKey,
  nodes: z.array(NodeStatus).max(CLUSTER_NODES_MAX),
  /** Those this node has heard of since it started, newest last. */
  elections: z.array(ElectionRecord).max(ELECTIONS_REMEMBERED_MAX),
  version: z.string().max(VERSION_CHARS_MAX),
  now: UnixMs,
});
export type ClusterStatus = z.infer<typeof ClusterStatus>;

// ---- requests -----------------------------------------------------------------------------------

/** `POST /requests`, signed by the requester: left at the cluster for an owner who is offline. */
export const FileRequestBody = z.object({ request: Signed });
export type FileRequestBody = z.infer<typeof FileRequestBody>;
export const RequestState = z.enum(['pending', 'approved', 'denied']);
export type RequestState = z.infer<typeof RequestState>;
export const FiledRequest = z.object({ request: Signed, state: RequestState, grant: GrantId.nullable() });
export type FiledRequest = z.infer<typeof FiledRequest>;
/** `GET /requests?limit&after`, signed: the requests for the caller, by request id. */
export const RequestPage = z.object({ requests: z.array(FiledRequest), next: z.string().optional() });
export type RequestPage = z.infer<typeof RequestPage>;
/** `PATCH /requests/:id`, signed by the owner. Approval happens by granting. */
export const AnswerRequestBody = z.object({ state: z.literal('denied') });
export type AnswerRequestBody = z.infer<typeof AnswerRequestBody>;

// ---- grants and views ---------------------------------------------------------------------------

/** `POST /grants`, signed by the owner. The share never leaves the cluster but in a view's answer. */
export const CreateGrantBody = z.object({
  /** `GrantCreation`. */
  entry: Signed,
  /** HPKE encapsulation (32) and ciphertext of the 32 byte key share, base64url. */
  sealedShare: z.base64url().max(256),
});
export type CreateGrantBody = z.infer<typeof CreateGrantBody>;

/** `PATCH /grants/:id`, signed by the owner: the next entry of the log, a `GrantAmendment`. */
export const AmendGrantBody = z.object({ entry: Signed });
export type AmendGrantBody = z.infer<typeof AmendGrantBody>;

export const GrantPhase = z.enum(['active', 'exhausted', 'expired', 'revoked']);
export type GrantPhase = z.infer<typeof GrantPhase>;

/** A grant as the cluster counts it, with the owner's log to check it against. */
export const GrantView = z.object({
  id: GrantId,
  owner: Username,
  recipient: Username,
  log: z.array(Signed).min(1),
  views: z.int(),
  used: z.int().nonnegative(),
  left: z.int().nonnegative(),
  expiresAt: UnixMs.nullable(),
  phase: GrantPhase,
  createdAt: UnixMs,
  lastOpenedAt: UnixMs.nullable(),
});
export type GrantView = z.infer<typeof GrantView>;

/** `GET /grants?role&limit&after`, signed: by grant id. */
export const GrantQuery = PageQuery.extend({ role: z.enum(['owner', 'recipient']).default('owner') });
export type GrantQuery = z.infer<typeof GrantQuery>;
export const GrantPage = z.object({ grants: z.array(GrantView), next: z.string().optional() });
export type GrantPage = z.infer<typeof GrantPage>;

/** `POST /grants/:id/views`, signed by the recipient. Spends one view, once per `viewId`. */
export const OpenViewBody = z.object({
  viewId: ViewId,
  /** Fresh X25519 key of this view alone. */
  key: PublicKey,
});
export type OpenViewBody = z.infer<typeof OpenViewBody>;
export const OpenViewAnswer = z.object({
  /** Which view this is, from 1. */
  n: z.int().positive(),
  /** The sealed share, HPKE-wrapped to `key` (info = grant, viewId, n): encapsulation (32) and ciphertext, base64url. */
  wrappedShare: z.base64url().max(512),
  grant: GrantView,
});
export type OpenViewAnswer = z.infer<typeof OpenViewAnswer>;

/** `POST /grants/:id/views/:viewId/close`, signed by the recipient, before the first pixel. The first nonce wins. */
export const CloseViewBody = z.object({
  /** 16 random bytes, hex, that the viewer keeps in memory only. */
  nonce: z.string().regex(/^[0-9a-f]{32}$/),
  /** `ViewReceipt`. */
  receipt: Signed,
});
export type CloseViewBody = z.infer<typeof CloseViewBody>;
export const CloseViewAnswer = z.object({ grant: GrantView });
export type CloseViewAnswer = z.infer<typeof CloseViewAnswer>;

/** One line of a grant's history. */
export const GrantEvent = z.object({
  seq: z.int().nonnegative(),
  at: UnixMs,
  kind: z.enum(['created', 'amended', 'opened', 'closed', 'share-erased']),
  viewId: ViewId.optional(),
  n: z.int().positive().optional(),
  /** `ViewReceipt` of a `closed` event. */
  receipt: Signed.optional(),
});
export type GrantEvent = z.infer<typeof GrantEvent>;
/** `GET /grants/:id/events?limit&after`, signed by owner or recipient; `after` is a seq. */
export const GrantEventPage = z.object({ events: z.array(GrantEvent), next: z.string().optional() });
export type GrantEventPage = z.infer<typeof GrantEventPage>;
