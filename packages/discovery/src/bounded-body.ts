/** Request bodies, never more of them in memory than is allowed. */

import { AppError } from '@cloud-steg/protocol';

/** Throws `input/too-large` as soon as the body is known to be longer than `bytesMax`. */
export async function readBody(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge(bytesMax);
  if (!request.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early cancels the stream.
  for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks, bytes));
}

function tooLarge(bytesMax: number): AppError {
  return new AppError('input/too-large', `the body is longer than ${bytesMax} bytes`, { data: { bytesMax } });
}
