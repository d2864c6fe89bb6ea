/** Every bound of the system in one place. Names: quantity, unit, qualifier. */

const KiB = 1024;
const MiB = 1024 * KiB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

// Pictures
/** Largest original accepted at `register`. */
export const IMAGE_BYTES_MAX = 25 * MiB;
/** Largest original that fits a carrier of {@link CARRIER_PIXELS_MAX} at 1 bit per sample. */
export const IMAGE_BYTES_MAX_AT_1_BPS = 14 * MiB;
/** Largest picture (width x height) whose pixels are ever decoded, be it an original or a cover. */
export const IMAGE_PIXELS_MAX = 120_000_000;
export const IMAGES_PER_USER_MAX = 20;
export const PREVIEW_SIDE_PX = 128;
export const PREVIEW_BYTES_MAX = 8 * KiB;
/** A carrier is at most this large once decoded: 3 bytes each, so 120 MB. */
export const CARRIER_PIXELS_MAX = 40_000_000;
/** A carrier's PNG can't be much larger than its pixels; beyond this it is refused unread. */
export const CARRIER_FILE_BYTES_MAX = 128 * MiB;
export const FILE_NAME_BYTES_MAX = 255;

// Names and ids
export const USERNAME_CHARS_MAX = 32;
export const ID_BYTES = 16;
export const KEY_BYTES = 32;
export const MESSAGE_CHARS_MAX = 280;
export const ADDRESSES_MAX = 8;

// Grants and views
export const VIEWS_MIN = 1;
export const VIEWS_MAX = 10_000;
/** An opened view answers a retry with the same key for this long. */
export const VIEW_OPEN_MS = 10 * MINUTE;
export const GRANT_LOG_ENTRIES_MAX = 256;
/** Of a grant's log as it is stored. Revoking is possible beyond both. */
export const GRANT_LOG_BYTES_MAX = 128 * KiB;
/** Grants whose share is due to be erased, handled in one sweep. */
export const SWEEP_GRANTS_MAX = 50;
export const SWEEP_INTERVAL_MS = SECOND;

// The discovery servers' HTTP
export const JSON_BODY_BYTES_MAX = 64 * KiB;
export const REGISTER_BODY_BYTES_MAX = 256 * KiB;
/** A request's signature is accepted this far from the server's clock, on either side. */
export const SIGNATURE_WINDOW_MS = 60 * SECOND;
export const PAGE_DEFAULT = 50;
export const PAGE_MAX = 500;
export const HEARTBEAT_TTL_MS_DEFAULT = 10 * SECOND;
export const HEARTBEAT_INTERVAL_MS_DEFAULT = 5 * SECOND;
export const REQUESTS_PENDING_PER_OWNER_MAX = 500;
/** Of those, from any one requester: nobody fills another's inbox alone. */
export const REQUESTS_PENDING_PER_PAIR_MAX = 50;
/** A page of a list ends early once it holds this many stored bytes. */
export const PAGE_BYTES_MAX = MiB;
/** Attempts at one change before a server says that it can't tell, or is too busy. */
export const COMMIT_ATTEMPTS_MAX = 32;
/** Changes of one grant (user, inbox) that wait for each other at the leader; more are turned away. */
export const CHANGES_QUEUED_PER_KEY_MAX = 256;
/** Signed requests remembered so that none is accepted twice. */
export const NONCES_REMEMBERED_MAX = 100_000;
/** Connections a discovery server keeps at once; more are closed unheard. */
export const HTTP_SOCKETS_MAX = 4096;
/** From a request's first byte to its last. */
export const HTTP_REQUEST_TIMEOUT_MS = 30 * SECOND;
/** How long a client should wait before it asks again where there is no leader. */
export const RETRY_AFTER_SECONDS = 1;
/** A closing server waits this long for requests in flight. */
export const DRAIN_TIMEOUT_MS = 5 * SECOND;

// The election's links
export const ELECTION_LINE_BYTES_MAX = 16 * KiB;
export const CLUSTER_NODES_MAX = 7;
/** `host:port` of a member, as the configuration writes it. */
export const ELECTION_ADDRESS_CHARS_MAX = 255;
export const HTTP_URL_CHARS_MAX = 512;
/** Every election timing of the configuration lies between these. */
export const ELECTION_TIMING_MS_MIN = 10;
export const ELECTION_TIMING_MS_MAX = 10 * MINUTE;
/** Incoming connections of the election, from members or not. */
export const ELECTION_SOCKETS_MAX = 32;
/** Messages for a member that reads nothing are dropped beyond this. */
export const ELECTION_UNSENT_BYTES_MAX = 256 * KiB;
/** `state.json` holds a term, a vote and little else. */
export const ELECTION_STATE_BYTES_MAX = 4 * KiB;

// Peers
export const PEER_SOCKETS_MAX = 64;
export const PEER_SOCKETS_PER_REMOTE_MAX = 4;
export const DELIVERIES_MAX = 8;
export const DELIVERIES_PER_REMOTE_MAX = 2;
export const HANDSHAKE_TIMEOUT_MS = 10 * SECOND;
export const HEADERS_TIMEOUT_MS = 10 * SECOND;
export const STALL_TIMEOUT_MS = 30 * SECOND;
export const UPLOAD_TIMEOUT_MS = 15 * MINUTE;
export const DIAL_TIMEOUT_MS = 5 * SECOND;
/** Addresses off loopback are tried this long after the loopback ones. */
export const DIAL_STAGGER_MS = 250;
export const OUTBOX_ENTRIES_MAX = 1000;
export const OUTBOX_KEEP_MS = 30 * DAY;

// The store
export const STORE_KEY_BYTES_MAX = 512;
export const STORE_VALUE_BYTES_MAX = 256 * KiB;
export const STORE_EXPECTS_PER_COMMIT_MAX = 100;
export const STORE_OPS_PER_COMMIT_MAX = 100;
/** Keys and values of one commit together; etcd takes 1.5 MB a request. */
export const STORE_COMMIT_BYTES_MAX = MiB;
export const STORE_LIST_ITEMS_MAX = 1000;
/** A page of a list ends early here; etcd's client takes 4 MB an answer. */
export const STORE_LIST_BYTES_MAX = 2 * MiB;
/** Commits that wait while another is made durable; beyond this they are refused. */
export const STORE_COMMITS_WAITING_MAX = 10_000;
/** A watch may start this many revisions back; deletions that are older are forgotten. */
export const STORE_DELETIONS_KEPT_REVISIONS = 100_000;
/** A writer waits this long for another process's lock on the store's file. */
export const STORE_LOCK_TIMEOUT_MS = 5 * SECOND;
/** A reader waits for a moment only, as it may hold up a whole process. */
export const STORE_READ_LOCK_TIMEOUT_MS = SECOND;
/** How often a watch looks for what other processes have written. */
export const STORE_WATCH_POLL_MS = 100;

// Hiding
/** Sealed header, hidden in every carrier at a place only the pair can find. */
export const HEADER_BYTES = 384;

// The command line
/** Discovery servers one client knows. */
export const SERVERS_MAX = 16;
export const HEARTBEAT_INTERVAL_SECONDS_MAX = 3600;
export const TIMEOUT_SECONDS_MAX = 3600;
export const TIMEOUT_SECONDS_DEFAULT = 30;
/** A picture's one-time page is waited for so long, from the moment its address is known. */
export const PICTURE_PAGE_WAIT_MS = 60 * SECOND;
/** Longer side of a picture shown in a terminal, pixels. */
export const TERMINAL_PICTURE_SIDE_PX = 1600;
