/** A picture on a page of its own in the browser: loopback only, behind a random address, shown once, stored nowhere. */

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError } from '@cloud-steg/protocol';

export interface PagePicture {
  readonly title: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface PicturePageOptions {
  /** Unguessable, URL-safe. */
  readonly token: string;
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Told the address once the page can be fetched. */
  readonly onReady: (url: string) => void;
}

/**
 * Serves the page, then the picture, each once; resolves when the picture is out.
 * Throws `program/timeout` when nobody fetches it in time, `program/cancelled` at the signal.
 */
export async function showOnPage(picture: PagePicture, options: PicturePageOptions): Promise<void> {
  const { token, waitMs, signal, onReady } = options;
  const page = `/${token}`;
  const image = `/${token}/picture`;
  const unserved = new Set([page, image]);
  let shown = () => {};
  let fail: (error: Error) => void = () => {};
  const done = new Promise<void>((resolve, reject) => {
    shown = resolve;
    fail = reject;
  });

  const server = createServer((request, response) => {
    const path = request.url ?? '';
    // A page elsewhere that resolves its own name to this machine does not know the name we go by.
    const addressed = request.headers.host === `127.0.0.1:${portOf(server)}`;
    if (request.method !== 'GET' || !addressed || !unserved.delete(path)) {
      answer(response, 404, 'text/plain', 'This page can be opened once.\n');
    } else if (path === page) {
      answer(response, 200, 'text/html; charset=utf-8', pageHtml(picture.title, image), PAGE_POLICY);
    } else {
      response.once('close', () => shown());
      answer(response, 200, picture.mediaType, picture.bytes, PICTURE_POLICY);
    }
  });
  const timer = setTimeout(() => fail(lateError(waitMs)), waitMs);
  const cancel = () => fail(new AppError('program/cancelled', 'cancelled'));
  signal.addEventListener('abort', cancel, { once: true });
  try {
    server.on('error', fail);
    server.listen(0, '127.0.0.1', () => onReady(`http://127.0.0.1:${portOf(server)}${page}`));
    if (signal.aborted) cancel();
    await done;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
    server.close();
    server.closeAllConnections();
  }
}

const PAGE_POLICY =
  "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const PICTURE_POLICY = "default-src 'none'; sandbox";

function answer(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Uint8Array,
  policy = PICTURE_POLICY,
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'content-security-policy': policy,
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  });
  response.end(body);
}

function pageHtml(title: string, image: string): string {
  const name = escapeHtml(title);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${name}</title>
<style>body{margin:0;min-height:100vh;display:grid;place-items:center;background:#111}img{max-width:100vw;max-height:100vh}</style>
<img src="${image}" alt="${name}"></html>
`;
}

function escapeHtml(text: string): string {
  const names: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => names[character] ?? '');
}

function portOf(server: ReturnType<typeof createServer>): number {
  return (server.address() as AddressInfo).port;
}

function lateError(waitMs: number): AppError {
  return new AppError(
    'program/timeout',
    `the picture was not fetched within ${waitMs / 1_000} s; the view counts`,
    {
      hint: 'where no browser opens, use --save FILE',
    },
  );
}
