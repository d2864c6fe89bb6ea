/** Request bodies, never more of them in memory than is allowed. */

import {
  AppError,
  HTTP_BODIES_BYTES_MAX,
  HTTP_BODIES_BYTES_PER_ADDRESS_MAX,
  RETRY_AFTER_SECONDS,
} from '@cloud-steg/protocol';
import type { Client } from './client-address.ts';
import { Shares } from './shares.ts';

export class Bodies {
  readonly #shares: Shares;

  constructor(bytesMax: number = HTTP_BODIES_BYTES_MAX, perClientMax = HTTP_BODIES_BYTES_PER_ADDRESS_MAX) {
    this.#shares = new Shares(bytesMax, perClientMax);
  }

  /** Bytes of all requests whose bodies are being read or used. */
  get bytesHeld(): number {
    return this.#shares.total;
  }

  /**
   * Reads a body and answers what `use` makes of it; the body counts as held until then.
   *
   * Throws `input/too-large` as soon as the body is known to be longer than `bytesMax`, `rate/limited` when there is
   * no room for more of it.
   */
  async read<T>(
    request: Request,
    client: Client,
    bytesMax: number,
    use: (bytes: Uint8Array) => Promise<T>,
  ): Promise<T> {
    if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge(bytesMax);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    try {
      // Leaving the loop early cancels the stream.
      for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
        if (bytes + chunk.length > bytesMax) throw tooLarge(bytesMax);
        if (!this.#shares.take(client, chunk.length)) throw noRoom();
        bytes += chunk.length;
        chunks.push(chunk);
      }
      return await use(new Uint8Array(Buffer.concat(chunks, bytes)));
    } finally {
      this.#shares.giveBack(client, bytes);
    }
  }
}

function tooLarge(bytesMax: number): AppError {
  return new AppError('input/too-large', `the body is longer than ${bytesMax} bytes`, { data: { bytesMax } });
}

function noRoom(): AppError {
  return new AppError('rate/limited', 'too many requests are being read at the moment', {
    hint: `try again in ${RETRY_AFTER_SECONDS} s`,
    data: { retryAfterSeconds: RETRY_AFTER_SECONDS },
  });
}
