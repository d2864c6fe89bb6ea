/** One JSON call over HTTP, bounded in time and size. `fetch` won't do: it refuses ports such as 6000. */

import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { AppError } from '@cloud-steg/protocol';

export interface HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
  readonly signal?: AbortSignal;
  /** More for `node:http`, such as how to connect. */
  readonly options?: RequestOptions;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Uint8Array;
}

const agents = {
  'http:': new HttpAgent({ keepAlive: true, maxSockets: 16 }),
  'https:': new HttpsAgent({ keepAlive: true, maxSockets: 16 }),
};

/** Resolves to any answer, of any status. Rejects with Node's error when there is none. */
export function callHttp(call: HttpCall): Promise<HttpAnswer> {
  const url = new URL(call.url);
  const secure = url.protocol === 'https:';
  const signal = AbortSignal.any([
    AbortSignal.timeout(call.timeoutMs),
    ...(call.signal ? [call.signal] : []),
  ]);
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(
      url,
      {
        method: call.method,
        agent: agents[secure ? 'https:' : 'http:'],
        headers: { ...call.headers, ...(call.body && { 'content-length': String(call.body.length) }) },
        signal,
        ...call.options,
      },
      (response) => {
        collect(response, call.answerBytesMax).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          reject,
        );
      },
    );
    request.on('error', reject);
    request.end(call.body);
  });
}

/** The whole of a stream, or `input/too-large`. */
export async function collect(stream: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > bytesMax) throw new AppError('input/too-large', `more than ${bytesMax} bytes were sent`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** Why no answer came, in a word or two: `refused`, `timed out`, ... */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const code = 'code' in error ? String(error.code) : '';
  if (error.name === 'TimeoutError' || error.name === 'AbortError' || code === 'ETIMEDOUT')
    return 'timed out';
  const words: Record<string, string> = {
    ECONNREFUSED: 'refused',
    ECONNRESET: 'connection lost',
    EPIPE: 'connection lost',
    ENOTFOUND: 'unknown host',
    EAI_AGAIN: 'unknown host',
    EHOSTUNREACH: 'no route',
    ENETUNREACH: 'no route',
  };
  return words[code] ?? (code || error.message);
}
