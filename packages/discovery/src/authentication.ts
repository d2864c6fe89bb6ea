/** Who signed a request. */

import { verifyRequest } from '@cloud-steg/envelope';
import { AppError, type PublicKey } from '@cloud-steg/protocol';
import { type Caller, findUser, type Registry } from '@cloud-steg/registry';
import { NonceCache } from './nonce-cache.ts';

export class Authentication {
  readonly #registry: Registry;
  readonly #clusterKey: PublicKey;
  readonly #nonces = new NonceCache();

  constructor(registry: Registry, clusterKey: PublicKey) {
    this.#registry = registry;
    this.#clusterKey = clusterKey;
  }

  /** How many signed requests it remembers. */
  get remembered(): number {
    return this.#nonces.size;
  }

  /**
   * The user whose key signed `request` (RFC 9421). `signer`: who it must have been, where that isn't
   * for the registry to say. Throws `auth/...` or `identity/unknown`.
   */
  async verify(
    request: Request,
    body: Uint8Array,
    options: { readonly signer: Caller | undefined; readonly replays: 'harmless' | undefined },
  ): Promise<Caller> {
    const { signer } = options;
    const now = this.#registry.now();
    let key: PublicKey | undefined;
    const { username, nonce } = await verifyRequest(
      { method: request.method, url: request.url, body, headers: Object.fromEntries(request.headers) },
      {
        clusterKey: this.#clusterKey,
        nowMs: now,
        keyOf: async (username) => {
          key = signer ? signer.key : (await findUser(this.#registry, username))?.ed25519;
          return key;
        },
      },
    );
    if (!key) throw new AppError('auth/bad-signature', 'the signature names no key');
    if (signer && signer.username !== username) {
      throw new AppError('auth/forbidden', `signed as ${username}, this call is for ${signer.username}`);
    }
    if (options.replays !== 'harmless') this.#nonces.spend(username, nonce, now);
    return { username, key };
  }
}
