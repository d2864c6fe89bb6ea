/** Whom this user has met: names pinned to keys at first contact. A changed key is an error, loudly. */

import { fingerprint, keyPairFromSeed, openCosignedIdentity, pairKey } from '@cloud-steg/envelope';
import {
  AppError,
  CONTACTS_MAX,
  type CosignedIdentity,
  KEY_BYTES,
  type PublicKey,
  type Username,
} from '@cloud-steg/protocol';
import type { PeerDatabase, Row } from './peer-database.ts';

export interface Contact {
  readonly username: Username;
  /** Signs, and holds the contact's end of a TLS connection. */
  readonly ed25519: PublicKey;
  /** Is sealed to. */
  readonly x25519: PublicKey;
}

/** Somebody, to try other people's keys with. */
const PROBE = keyPairFromSeed('X25519', new Uint8Array(KEY_BYTES).fill(1));

export class Contacts {
  readonly #database: PeerDatabase;
  readonly #clusterKey: PublicKey;
  readonly #now: () => number;

  constructor(database: PeerDatabase, clusterKey: PublicKey, now: () => number) {
    this.#database = database;
    this.#clusterKey = clusterKey;
    this.#now = now;
  }

  /**
   * Checks an identity without pinning it. `expected` guards against being handed somebody else's.
   * Throws `identity/changed` when this name was met with other keys, `auth/bad-signature` for a forgery, `input/invalid`
   * for a key that shares no secret with anybody.
   */
  check(expected: Username, identity: CosignedIdentity): Contact {
    const record = openCosignedIdentity(this.#clusterKey, identity);
    if (record.username !== expected) {
      throw new AppError('auth/bad-signature', `asked for ${expected}, was told of ${record.username}`);
    }
    // One contact with such a key would stop the search of every carrier, which tries them all.
    pairKey(PROBE, record.x25519, expected, expected);
    const known = this.byName(expected);
    if (known && (known.ed25519 !== record.ed25519 || known.x25519 !== record.x25519)) {
      throw new AppError(
        'identity/changed',
        `${expected} has other keys than before: ${fingerprint(known.ed25519)} became ${fingerprint(record.ed25519)}`,
        {
          hint: `ask ${expected} by another way whether they made a new identity; until then nothing is sent or opened`,
        },
      );
    }
    return { username: record.username, ed25519: record.ed25519, x25519: record.x25519 };
  }

  /** Checks an identity and pins it. Throws as {@link check} does, and `rate/limited` for one more name than are kept. */
  remember(expected: Username, identity: CosignedIdentity): Contact {
    const contact = this.check(expected, identity);
    if (!this.byName(expected) && this.#count() >= CONTACTS_MAX) {
      throw new AppError(
        'rate/limited',
        `cannot meet ${expected}: ${CONTACTS_MAX} people are known here already`,
      );
    }
    this.#database.run(
      `INSERT INTO contact (username, ed25519, x25519, identity, first_seen_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (username) DO UPDATE SET identity = excluded.identity`,
      contact.username,
      contact.ed25519,
      contact.x25519,
      JSON.stringify(identity),
      this.#now(),
    );
    return contact;
  }

  byName(username: Username): Contact | undefined {
    const row = this.#database.get('SELECT * FROM contact WHERE username = ?', username);
    return row && contactOf(row);
  }

  byKey(key: PublicKey): Contact | undefined {
    const row = this.#database.get('SELECT * FROM contact WHERE ed25519 = ?', key);
    return row && contactOf(row);
  }

  all(): Contact[] {
    return this.#database.all('SELECT * FROM contact ORDER BY username').map(contactOf);
  }

  #count(): number {
    return Number(this.#database.get('SELECT COUNT(*) AS n FROM contact')?.['n']);
  }
}

function contactOf(row: Row): Contact {
  return {
    username: row['username'] as Username,
    ed25519: row['ed25519'] as PublicKey,
    x25519: row['x25519'] as PublicKey,
  };
}
