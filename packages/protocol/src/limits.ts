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
/** Grants of one owner whose share the cluster still holds. */
export const GRANTS_HELD_PER_OWNER_MAX = 1000;
/** Of those, to any one recipient: nobody buries another in grants. */
export const GRANTS_HELD_PER_PAIR_MAX = 100;
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
/** Of those, of any one address; as all limits per address, loopback excepted. */
export const HTTP_SOCKETS_PER_ADDRESS_MAX = 256;
/** Bytes of request bodies in memory at once, read or being read. */
export const HTTP_BODIES_BYTES_MAX = 64 * MiB;
export const HTTP_BODIES_BYTES_PER_ADDRESS_MAX = 8 * MiB;
/** Requests of one address, of whatever kind: so many at once, then so many a second. */
export const REQUESTS_PER_ADDRESS_BURST = 1000;
export const REQUESTS_PER_ADDRESS_PER_SECOND = 200;
/** Names that one address takes: so many at once, then as many an hour. */
export const NEW_NAMES_PER_ADDRESS_PER_HOUR = 30;
/** Signed calls of one user that change something: so many at once, then so many a second. */
export const CHANGES_PER_USER_BURST = 600;
export const CHANGES_PER_USER_PER_SECOND = 20;
/** Addresses, or users, whose calls are counted at once; the one quiet for longest is forgotten first. */
export const RATE_BUCKETS_MAX = 10_000;
/** How long to wait where a quota is used up, which only its owner's doing frees. */
export const QUOTA_RETRY_AFTER_SECONDS = 60;
/** Of any one text in a log line. */
export const LOG_TEXT_CHARS_MAX = 4096;
/** From a request's first byte to its last. */
export const HTTP_REQUEST_TIMEOUT_MS = 30 * SECOND;
/** A request that needs a leader waits for one to be known, for as long as two election timeouts but at most so long. */
export const LEADER_HOLD_MS_MAX = 4 * SECOND;
/** Requests that wait so at once, bodies unread; others are refused at once. */
export const HELD_REQUESTS_MAX = 1024;
export const HELD_REQUESTS_PER_ADDRESS_MAX = 128;
/** Leaders that one request says it had no answer from; further ones are not heard. */
export const SILENT_LEADERS_MAX = 16;
/** A leader that loses office while it answers takes a request up anew so often, if it is elected again. */
export const REIGNS_PER_REQUEST_MAX = 3;
/** Of a program's version, as a server tells it. */
export const VERSION_CHARS_MAX = 64;
/** How long a client should wait before it asks again where there is no leader. */
export const RETRY_AFTER_SECONDS = 1;
/** A closing server waits this long for requests in flight. */
export const DRAIN_TIMEOUT_MS = 5 * SECOND;

// The election's links
export const ELECTION_LINE_BYTES_MAX = 16 * KiB;
export const CLUSTER_NODES_MAX = 7;
/** Names one run of a server's process: boot, namespace, process id and start, or random digits. */
export const ELECTION_PROCESS_CHARS_MAX = 128;
/** The last elections that a server remembers, to show them. */
export const ELECTIONS_REMEMBERED_MAX = 32;
/** `host:port` of a member, as the configuration writes it. */
export const ELECTION_ADDRESS_CHARS_MAX = 255;
export const HTTP_URL_CHARS_MAX = 512;
/** Every election timing of the configuration lies between these. */
export const ELECTION_TIMING_MS_MIN = 10;
export const ELECTION_TIMING_MS_MAX = 10 * MINUTE;
/** Incoming connections that have proven nothing yet; one more, and the oldest of them is closed. */
export const ELECTION_SOCKETS_UNPROVEN_MAX = 32;
/** Connections let in at an election address: in all, and from any one address. */
export const ELECTION_CONNECTIONS_PER_SECOND = 128;
export const ELECTION_CONNECTIONS_PER_ADDRESS_PER_SECOND = 64;
/** Connections that the system holds until they are let in. */
export const ELECTION_LISTEN_BACKLOG = 64;
/** An election link without a byte for this long is asked by TCP whether it is still there. */
export const ELECTION_KEEP_ALIVE_MS = SECOND;
/** One line of the handshake that begins an election link: two addresses, a hash and a proof at most. */
export const ELECTION_HANDSHAKE_BYTES_MAX = KiB;
/** Both sides of an election link have proven themselves after this long, or it is closed. */
export const ELECTION_HANDSHAKE_TIMEOUT_MS = 2 * SECOND;
/** Messages that wait for the handshake to end; later ones are dropped. */
export const ELECTION_HELD_MESSAGES_MAX = 64;
/**
 * A member that answers nothing for so long, or for as long as a leader may be silent if that is longer, is connected to
 * anew. A busy machine stands still for moments.
 */
export const ELECTION_ANSWER_PATIENCE_MS_MIN = SECOND;
/** The connection to a member that reads nothing is given up beyond this. */
export const ELECTION_UNSENT_BYTES_MAX = 256 * KiB;
/** A process that has closed its connections is looked for this often, and so many times, whether it has ended. */
export const ELECTION_PROCESS_CHECK_MS = 2;
export const ELECTION_PROCESS_CHECKS_MAX = 100;
/** No message moves a node further than this many terms at once; at one election a second, ten days' worth. */
export const TERM_JUMP_MAX = 1_000_000;
/** `state.json` holds a term, a vote and little else. */
export const ELECTION_STATE_BYTES_MAX = 4 * KiB;
/** Control groups looked through for a limit, from a server's own group outwards. */
export const CONTROL_GROUP_LEVELS_MAX = 32;

// Peers
export const PEER_SOCKETS_MAX = 64;
export const PEER_SOCKETS_PER_REMOTE_MAX = 4;
/** Of all sockets, those of keys that are no contact's together: the others are kept for contacts. */
export const PEER_SOCKETS_OF_STRANGERS_MAX = PEER_SOCKETS_MAX / 2;
/** Of those, from any one address. The users of one machine share its loopback address. */
export const PEER_SOCKETS_OF_STRANGERS_PER_ADDRESS_MAX = 16;
/** Sockets that haven't shown a key yet; the oldest makes room for the next. */
export const PEER_HANDSHAKES_MAX = 16;
/** From the end of a JSON request's headers to the end of its body. */
export const PEER_BODY_TIMEOUT_MS = 10 * SECOND;
/** How long the rest of a body is read that has been answered already. */
export const PEER_READ_OUT_MS = 5 * SECOND;
/** How often sockets past a deadline are looked for. */
export const PEER_DEADLINE_CHECK_MS = SECOND;
/** People one user has met. */
export const CONTACTS_MAX = 10_000;
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
/** How often a waiting writer tries again. */
export const STORE_LOCK_RETRY_MS = 2;
/** A lock waited for this long is worth a look at who holds it, and another each time it has passed again. */
export const STORE_LOCK_LOOK_MS = 20;
/** A lock waited for this long is told of. */
export const STORE_LOCK_TELL_MS = 500;
/** A process that was ended may hold its locks this much longer. */
export const STORE_WRITER_ENDING_MS = 500;
/** A deposed leader that runs, but has held the lock this long without a commit, is ended like a stopped one. */
export const STORE_WRITER_STALLED_MS = 4 * SECOND;
/** What a writer notes of itself beside the store's file. */
export const STORE_WRITER_NOTE_BYTES_MAX = 4 * KiB;
/** Of any one file below `/proc` or `/sys`; a table of locks with some 60,000 rows fits. */
export const PROC_FILE_BYTES_MAX = 4 * MiB;
/** The write-ahead log is copied into the store's file whenever it has grown by so many pages of 4 KiB. */
export const STORE_LOG_CHECKPOINT_PAGES = 1000;
/** A write-ahead log of this size is kept from being emptied by somebody; said here and at each doubling. */
export const STORE_LOG_BYTES_WARN = 64 * MiB;
/** Emptying the write-ahead log waits for readers so often, `STORE_LOCK_RETRY_MS` each time: commits wait meanwhile. */
export const STORE_LOG_EMPTY_ATTEMPTS_MAX = 5;
/** How often a store that is to be kept warm looks whether there is a file by now. */
export const STORE_WARM_RETRY_MS = SECOND;
/** A reader waits for a moment only, as it may hold up a whole process. */
export const STORE_READ_LOCK_TIMEOUT_MS = SECOND;
/** How often a watch looks for what other processes have written. */
export const STORE_WATCH_POLL_MS = 100;

// Clients of the cluster
/** A server that has not answered after this long has its turn; it must be longer than a request is held. */
export const CLUSTER_ATTEMPT_TIMEOUT_MS = LEADER_HOLD_MS_MAX + SECOND;
/** A server silent for this long is not waited for alone: the next is asked as well. */
export const CLUSTER_HEDGE_MS = 300;
/** Servers asked at once for the sake of one request: one more than may be down in the largest cluster. */
export const CLUSTER_CALLS_AT_ONCE_MAX = (CLUSTER_NODES_MAX + 1) / 2;
/** Once all servers have been asked in vain, the first pause; each later one is twice as long, up to the last. */
export const CLUSTER_RETRY_PAUSE_MS_MIN = 20;
export const CLUSTER_RETRY_PAUSE_MS_MAX = 200;

// Hiding
/** Sealed header, hidden in every carrier at a place only the pair can find. */
export const HEADER_BYTES = 384;

// The command line
/** Discovery servers one client knows. */
export const SERVERS_MAX = 16;
export const HEARTBEAT_INTERVAL_SECONDS_MAX = 3600;
export const TIMEOUT_SECONDS_MAX = 3600;
export const TIMEOUT_SECONDS_DEFAULT = 30;
/** How long `cluster status` waits for a server to say how it is. */
export const STATUS_TIMEOUT_MS = 2 * SECOND;
/** `cluster watch` asks again soon, and the slowest server holds up what the others said. */
export const WATCH_TIMEOUT_MS = SECOND;
export const WATCH_INTERVAL_MS_DEFAULT = SECOND;
/** A picture's one-time page is waited for so long, from the moment its address is known. */
export const PICTURE_PAGE_WAIT_MS = 60 * SECOND;
/** Longer side of a picture shown in a terminal, pixels. */
export const TERMINAL_PICTURE_SIDE_PX = 1600;

// The simulator of elections
export const SIM_SEED_MAX = 1_000_000_000;
export const SIM_WORKERS_MAX = 16;
/** Crashes measured for one line of the table of failovers. */
export const SIM_CRASHES_MAX = 100_000;
/** Least mean time between two faults, in longest election timeouts. */
export const SIM_FAULTS_EVERY_MIN = 0.01;
/** A run of so many events goes in circles; most have some thousands. */
export const SIM_RUN_EVENTS_MAX = 1_000_000;
