/**
 * One error type for everything that can go wrong on purpose, and one table from its code to what
 * each face of the program needs: an HTTP status, an exit code, a default hint.
 */

/** Process exit codes of every command line program here. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  noLeader: 3,
  peerUnreachable: 4,
  notYours: 5,
  usedUp: 6,
  revoked: 7,
  coverTooSmall: 8,
  carrierDamaged: 9,
  identityChanged: 10,
  bug: 70,
  cancelled: 130,
} as const;

interface ErrorTraits {
  /** HTTP status when the error crosses a wire. */
  readonly status: number;
  readonly exit: number;
  /** Short constant title (RFC 9457). */
  readonly title: string;
  /** What to do next, when the thrower knew nothing better. */
  readonly hint?: string;
}

/** Codes are part of the wire: added, never renamed. */
export const ERRORS = {
  // What the caller typed or sent
  'usage/bad-argument': { status: 400, exit: 2, title: 'bad argument' },
  'usage/bad-config': { status: 500, exit: 2, title: 'bad configuration' },
  'input/invalid': { status: 400, exit: 2, title: 'invalid input' },
  'input/too-large': { status: 413, exit: 2, title: 'input too large' },
  'input/too-slow': { status: 408, exit: 1, title: 'input too slow' },
  'input/not-found': { status: 404, exit: 1, title: 'no such address' },
  'input/wrong-method': { status: 405, exit: 1, title: 'method not allowed' },

  // Pictures
  'image/not-found': { status: 404, exit: 1, title: 'no such file' },
  'image/empty': { status: 422, exit: 1, title: 'empty file' },
  'image/not-a-picture': { status: 415, exit: 1, title: 'not a picture' },
  'image/damaged': { status: 422, exit: 1, title: 'damaged picture' },
  'image/too-large': { status: 413, exit: 1, title: 'picture too large' },
  'image/no-such-index': { status: 404, exit: 2, title: 'no picture at that index' },
  'image/too-many': { status: 422, exit: 2, title: 'too many pictures' },

  // Who is who
  'identity/exists': { status: 409, exit: 1, title: 'name is taken' },
  'identity/unknown': { status: 404, exit: 1, title: 'unknown user' },
  'identity/none-here': {
    status: 404,
    exit: 1,
    title: 'no identity on this machine',
    hint: 'run: p2p-client register --username NAME --ip ADDRESS --port PORT --image-paths FILE',
  },
  'identity/changed': { status: 409, exit: 10, title: 'identity changed' },
  'identity/stale': { status: 409, exit: 1, title: 'older identity record' },
  'auth/unsigned': { status: 401, exit: 1, title: 'request is not signed' },
  'auth/bad-signature': { status: 401, exit: 1, title: 'signature does not match' },
  'auth/clock-skew': {
    status: 401,
    exit: 1,
    title: 'clock is off',
    hint: 'set this machine’s clock, then try again',
  },
  'auth/replayed': { status: 401, exit: 1, title: 'request was seen before' },
  'auth/wrong-cluster': { status: 421, exit: 10, title: 'not the cluster that was expected' },
  'auth/forbidden': { status: 403, exit: 5, title: 'not yours' },

  // The cluster
  'cluster/not-leader': { status: 307, exit: 3, title: 'this node is not the leader' },
  'cluster/no-leader': {
    status: 503,
    exit: 3,
    title: 'no leader',
    hint: 'an election takes a few seconds; a cluster needs a majority of its servers running',
  },
  'cluster/unreachable': {
    status: 503,
    exit: 3,
    title: 'no discovery server answered',
    hint: 'start one with: npx p2p-discovery-server, or name yours with --server',
  },
  'cluster/fenced': { status: 503, exit: 3, title: 'a newer leader has taken over' },
  'cluster/untrusted-leader': {
    status: 502,
    exit: 10,
    title: 'redirected to a server the cluster did not vouch for',
  },
  'store/unavailable': { status: 503, exit: 1, title: 'store unavailable' },
  'store/unknown-outcome': { status: 503, exit: 1, title: 'outcome unknown' },
  'store/damaged': { status: 500, exit: 1, title: 'store damaged' },
  'rate/limited': { status: 429, exit: 1, title: 'too many requests' },
  'operation/conflict': { status: 409, exit: 1, title: 'same id, other content' },
  'server/address-in-use': { status: 500, exit: 1, title: 'address in use' },
  'server/state-damaged': { status: 500, exit: 1, title: 'state file damaged' },

  // Requests, grants, views
  'request/unknown': { status: 404, exit: 1, title: 'no such request' },
  'request/answered': { status: 409, exit: 1, title: 'request already answered' },
  'grant/unknown': { status: 404, exit: 1, title: 'no such grant' },
  'grant/exhausted': { status: 410, exit: 6, title: 'no views left' },
  'grant/expired': { status: 410, exit: 6, title: 'grant expired' },
  'grant/revoked': { status: 410, exit: 7, title: 'grant revoked' },
  'grant/ended': {
    status: 409,
    exit: 6,
    title: 'grant has ended',
    hint: 'its key share is gone; send the picture again instead',
  },
  'grant/out-of-order': {
    status: 409,
    exit: 1,
    title: 'grant log has moved on',
    hint: 'fetch the grant and try again',
  },
  'grant/mismatch': { status: 409, exit: 9, title: 'grant and carrier disagree' },
  'view/unknown': { status: 404, exit: 1, title: 'no such view' },
  'view/closed': { status: 409, exit: 1, title: 'view already used' },

  // Peers
  'peer/unreachable': { status: 503, exit: 4, title: 'peer unreachable' },
  'peer/stranger': { status: 403, exit: 5, title: 'certificate belongs to no known user' },
  'peer/busy': { status: 503, exit: 4, title: 'peer is busy' },
  'delivery/not-asked-for': { status: 403, exit: 1, title: 'delivery was not asked for' },
  'delivery/damaged': { status: 422, exit: 1, title: 'delivery damaged on the way' },
  'delivery/conflict': { status: 409, exit: 1, title: 'same delivery, other content' },

  // Carriers
  'carrier/not-found': { status: 404, exit: 1, title: 'no such carrier' },
  'carrier/not-png': {
    status: 415,
    exit: 9,
    title: 'carrier is no PNG',
    hint: 'a carrier survives only as the very PNG that was delivered; ask for it to be sent again as a file',
  },
  'carrier/damaged': { status: 422, exit: 9, title: 'carrier damaged' },
  'carrier/not-for-you': { status: 403, exit: 5, title: 'not for you, damaged, or no carrier' },
  'carrier/cover-too-small': { status: 422, exit: 8, title: 'cover too small' },
  'carrier/payload-too-large': { status: 413, exit: 1, title: 'picture too large to hide' },
  'viewer/no-display': {
    status: 422,
    exit: 2,
    title: 'nowhere to show the picture',
    hint: 'add --save FILE; no view was spent',
  },
  'viewer/saving-not-allowed': { status: 403, exit: 5, title: 'owner does not allow saving' },

  // Sealing
  'envelope/no-matching-key': { status: 403, exit: 5, title: 'no matching key' },

  // Everything else
  'program/cancelled': { status: 499, exit: 130, title: 'cancelled' },
  'program/timeout': { status: 504, exit: 1, title: 'took too long' },
  'program/failed': { status: 500, exit: 1, title: 'failed' },
  'program/bug': { status: 500, exit: 70, title: 'bug', hint: 'please report this, with the line above' },
} as const satisfies Record<string, ErrorTraits>;

export type ErrorCode = keyof typeof ERRORS;

export interface AppErrorOptions {
  /** What to do next; replaces the code's default hint. */
  hint?: string;
  /** Facts for programs: limits, sizes, names. Never secrets. */
  data?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * The one error of this program. `message` is lower case and names the value and the limit;
 * `hint` says what to do next.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly data: Record<string, unknown>;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.data = options.data ?? {};
    this.hint = options.hint ?? traitsOf(code).hint;
  }
}

export function traitsOf(code: ErrorCode): ErrorTraits {
  return ERRORS[code];
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

/** Whatever was thrown, as an `AppError`: a foreign error is a bug until somebody names it. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new AppError('program/bug', message, { cause: thrown });
}

/** Crashes on a broken invariant; kept on in production. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new AppError('program/bug', `broken invariant: ${what}`);
}
