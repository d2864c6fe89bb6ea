/** Pictures as escape sequences that some terminals draw. */

import type { TerminalProtocol } from './screen.ts';

/** Most base64 characters in one piece (kitty graphics protocol, "Remote client"). */
const KITTY_CHUNK_CHARS = 4096;
const ESC = '\u001b';

/** What to write so that the terminal draws this PNG and moves on to a new line. */
export function terminalPicture(protocol: TerminalProtocol, png: Uint8Array): string {
  const data = Buffer.from(png.buffer, png.byteOffset, png.byteLength).toString('base64');
  return protocol === 'kitty' ? kitty(data) : iterm2(data, png.length);
}

/** https://sw.kovidgoyal.net/kitty/graphics-protocol/: transmit and display (`a=T`) a PNG (`f=100`), without replies (`q=2`). */
function kitty(data: string): string {
  let text = '';
  for (let at = 0; at < data.length; at += KITTY_CHUNK_CHARS) {
    const more = at + KITTY_CHUNK_CHARS < data.length ? 1 : 0;
    const keys = at === 0 ? `a=T,f=100,q=2,m=${more}` : `m=${more}`;
    text += `${ESC}_G${keys};${data.slice(at, at + KITTY_CHUNK_CHARS)}${ESC}\\`;
  }
  return `${text}\n`;
}

/** https://iterm2.com/documentation-images.html */
function iterm2(data: string, bytes: number): string {
  return `${ESC}]1337;File=inline=1;size=${bytes};preserveAspectRatio=1:${data}\u0007\n`;
}
