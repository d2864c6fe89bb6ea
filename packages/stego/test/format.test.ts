import { createCipheriv, createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { COLUMNS } from '../src/header-code.ts';
import {
  anchorIndex,
  bodyOrder,
  embedHeader,
  extractBody,
  extractHeader,
  headerOrder,
  type Keystream,
  layoutOf,
} from '../src/index.ts';

/** AES-256-CTR under a key of one repeated byte, counter from 0: anybody's tools can make it. */
function stream(byte: number): Keystream {
  const cipher = createCipheriv('aes-256-ctr', new Uint8Array(32).fill(byte), new Uint8Array(16));
  return (out) => out.set(cipher.update(new Uint8Array(out.length)));
}

function bytesOf(byte: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  stream(byte)(bytes);
  return bytes;
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A change that fails here makes every carrier already sent unreadable: it needs a new format version. */
describe('carrier format version 1', () => {
  const layout = layoutOf(320, 240);
  const anchor = anchorIndex(layout, 0xdeadbeef);
  const header = headerOrder(layout, anchor, stream(1));
  const body = bodyOrder(header, stream(2));
  const pixels = () => ({ width: 320, height: 240, data: bytesOf(3, 230_400) });

  it('keeps its columns', () => {
    expect(Buffer.from(COLUMNS).toString('hex')).toBe('d1e5b98df987c1affbb3f7ef95a7e7ffdf8b83d3cbad');
  });

  it('keeps its places', () => {
    expect(anchor).toBe(55);
    expect([...header.positions.subarray(0, 6)]).toEqual([140692, 214022, 8212, 156007, 115662, 187693]);
    expect(sha256(extractHeader(pixels(), header))).toBe(
      '93292c6e1b8f3f10781d894b701dbc0df14551feacd95d5b3e938d8df244ff9d',
    );
    expect(sha256(extractBody(pixels(), body, layout.capacityBytes))).toBe(
      '748528d8d6a9fa82f795c9cf2a67b628055a19b3f24cb4bb59e031d135032b0d',
    );
  });

  it('keeps the changes that a header makes', () => {
    const picture = pixels();
    embedHeader(picture, header, bytesOf(4, 384));
    expect(sha256(picture.data)).toBe('522e0bd66d0f7e7b8e9368523dc42cf8c2708a79cc0b3ef0b9ae53a6f36da15f');
  });
});
