/** What people type, strictly read. Everything here throws `usage/bad-argument` naming the value and what is allowed. */

import {
  Address,
  AppError,
  HEARTBEAT_INTERVAL_SECONDS_MAX,
  IMAGES_PER_USER_MAX,
  SERVERS_MAX,
  TIMEOUT_SECONDS_MAX,
  VIEWS_MAX,
  VIEWS_MIN,
} from '@cloud-steg/protocol';

/** A server at each of the ports the guide uses. */
export const DEFAULT_SERVERS = 'http://localhost:8000,8001,8002';
export const DEFAULT_PORT = 6000;

/** A whole number in plain decimal digits: no sign, point, exponent or leading zero. */
function parseWhole(text: string, what: string, min: number, max: number): number {
  const value = /^(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new AppError(
    'usage/bad-argument',
    `${what} ${shown(text)}: expected a whole number from ${min} to ${max}`,
  );
}

export const parseViews = (text: string): number => parseWhole(text, '--views', VIEWS_MIN, VIEWS_MAX);
export const parseMoreViews = (text: string): number => parseWhole(text, '--more', 1, VIEWS_MAX);
export const parsePort = (text: string): number => parseWhole(text, '--port', 1, 65_535);
export const parseTargetPort = (text: string): number => parseWhole(text, '--target-port', 1, 65_535);
export const parseImageIndex = (text: string): number =>
  parseWhole(text, '--image-index', 0, IMAGES_PER_USER_MAX - 1);
export const parseIntervalSeconds = (text: string): number =>
  parseWhole(text, '--interval', 1, HEARTBEAT_INTERVAL_SECONDS_MAX);
export const parseTimeoutSeconds = (text: string): number =>
  parseWhole(text, '--timeout', 1, TIMEOUT_SECONDS_MAX);

/** An IP address or host name. */
export function parseHost(text: string): string {
  const host = Address.shape.host.safeParse(text);
  if (host.success) return host.data;
  throw new AppError('usage/bad-argument', `--ip ${shown(text)}: expected an IP address or a host name`, {
    hint: 'for example: --ip 192.168.1.10',
  });
}

/**
 * Origins of discovery servers. Comma separated; a bare port stands for the server before it at that port:
 * `http://localhost:8000,8001` names two.
 */
export function parseServers(text: string): string[] {
  const origins: string[] = [];
  for (const part of text.split(',').map((item) => item.trim())) {
    const origin = serverOrigin(part, origins.at(-1) ?? 'http://localhost');
    if (!origins.includes(origin)) origins.push(origin);
  }
  if (origins.length <= SERVERS_MAX) return origins;
  throw new AppError('usage/bad-argument', `--server: ${origins.length} servers, at most ${SERVERS_MAX}`);
}

function serverOrigin(part: string, before: string): string {
  const bad = (cause?: unknown) =>
    new AppError(
      'usage/bad-argument',
      `--server ${shown(part)}: expected an address such as http://localhost:8000`,
      {
        hint: 'several at once: --server http://localhost:8000,8001,8002',
        cause,
      },
    );
  if (/^[0-9]+$/.test(part)) {
    const url = new URL(before);
    url.port = String(parseWhole(part, '--server port', 1, 65_535));
    return url.origin;
  }
  try {
    const url = new URL(part.includes('://') ? part : `http://${part}`);
    const plain = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
    if (!plain || !/^https?:$/.test(url.protocol) || url.hostname === '') throw bad();
    return url.origin;
  } catch (cause) {
    throw cause instanceof AppError ? cause : bad(cause);
  }
}

/** Paths separated by commas, unless the whole is itself a file whose name has commas. */
export function parseImagePaths(text: string, exists: (path: string) => boolean): string[] {
  if (exists(text)) return [text];
  const paths = text.split(',').map((path) => path.trim());
  if (paths.every((path) => path !== '')) return paths;
  throw new AppError('usage/bad-argument', `--image-paths ${shown(text)}: one of the paths is empty`, {
    hint: 'separate paths by single commas: --image-paths sunset.jpg,beach.png',
  });
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const EXPIRY_YEARS_MAX = 100;

/**
 * When a grant expires, Unix milliseconds: a span from now (`90s`, `30m`, `12h`, `7d`, `2w`), the end of a local day
 * (`2026-12-31`), or an instant with its offset (`2026-12-31T18:00Z`). Null for `never`.
 */
export function parseExpiry(text: string, now: number): number | null {
  if (text === 'never') return null;
  const at = spanEnd(text, now) ?? dayEnd(text) ?? instant(text);
  if (at === undefined || at > now + EXPIRY_YEARS_MAX * 366 * UNIT_MS.d) {
    throw new AppError(
      'usage/bad-argument',
      `--expires ${shown(text)}: expected a span or a day within ${EXPIRY_YEARS_MAX} years`,
      { hint: 'for example 12h, 7d, 2w, 2026-12-31, 2026-12-31T18:00Z or never' },
    );
  }
  if (at > now) return at;
  throw new AppError('usage/bad-argument', `--expires ${shown(text)} lies in the past`);
}

function spanEnd(text: string, now: number): number | undefined {
  const [, amount, unit] = /^([1-9][0-9]{0,9})([smhdw])$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return now + Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

function dayEnd(text: string): number | undefined {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (year === undefined) return undefined;
  const end = new Date(Number(year), Number(month) - 1, Number(day), 23, 59, 59, 999);
  // The 30th of February would quietly become the 2nd of March.
  return end.getDate() === Number(day) && end.getMonth() === Number(month) - 1 ? end.getTime() : undefined;
}

function instant(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** The start of a grant's id, or all of it. */
export function parseGrantPrefix(text: string): string {
  if (/^[0-9a-f]{1,32}$/.test(text)) return text;
  throw new AppError(
    'usage/bad-argument',
    `${shown(text)} is no grant: expected 1 to 32 of the digits 0-9 a-f`,
    {
      hint: 'see yours with: p2p-client grants',
    },
  );
}

/** The one of two ways to say the same thing that was used. */
export function flagOrPosition<T>(flag: T | undefined, position: T | undefined, what: string): T {
  if (flag !== undefined && position !== undefined && flag !== position) {
    throw new AppError(
      'usage/bad-argument',
      `${what} is given twice: ${String(flag)} and ${String(position)}`,
    );
  }
  const value = flag ?? position;
  if (value === undefined) throw new AppError('usage/bad-argument', `missing: ${what}`);
  return value;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
