/** One JSON call over HTTP, bounded in time and size. `fetch` won't do: it refuses ports such as 6000. */

import {
  type ClientRequest,
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
  /** Breaks the call off. */
  readonly signal?: AbortSignal;
  /** Over a connection of its own, rather than one kept from an earlier call. */
  readonly afresh?: boolean;
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

/** No whole answer within the time that was given. */
class TimedOut extends Error {
  constructor(timeoutMs: number) {
    super(`timed out after ${timeoutMs} ms`);
  }
}

/** A connection kept from an earlier call broke before it brought an answer: as a rule the server had just closed it. */
export class KeptConnectionBroke extends Error {
  constructor(cause: Error) {
    super('connection lost', { cause });
  }
}

/** Resolves to any answer, of any status. Rejects with Node's error, or one of the above, when there is none. */
export async function callHttp(call: HttpCall): Promise<HttpAnswer> {
  let settled = () => {};
  try {
    return await new Promise<HttpAnswer>((resolve, reject) => {
      const request = requestOf(call, (response) => {
        collect(response, call.answerBytesMax).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          reject,
        );
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        const kept = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        reject(kept ? new KeptConnectionBroke(error) : error);
      });
      const giveUp = (reason: Error) => {
        // First, for what the second breaks has another reason to tell.
        reject(reason);
        request.destroy();
      };
      // Rather than AbortSignal.any and timeout: those are collected as garbage while they wait, and then never fire.
      const timer = setTimeout(() => giveUp(new TimedOut(call.timeoutMs)), call.timeoutMs);
      const breakOff = () => giveUp(new Error('broken off'));
      call.signal?.addEventListener('abort', breakOff, { once: true });
      settled = () => {
        clearTimeout(timer);
        call.signal?.removeEventListener('abort', breakOff);
      };
      if (call.signal?.aborted) breakOff();
      else request.end(call.body);
    });
  } finally {
    settled();
  }
}

function requestOf(call: HttpCall, onResponse: (response: IncomingMessage) => void): ClientRequest {
  const url = new URL(call.url);
  const secure = url.protocol === 'https:';
  return (secure ? httpsRequest : httpRequest)(
    url,
    {
      method: call.method,
      agent: call.afresh ? false : agents[secure ? 'https:' : 'http:'],
      headers: { ...call.headers, ...(call.body && { 'content-length': String(call.body.length) }) },
      ...call.options,
    },
    onResponse,
  );
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
