/** Numbers and times as people read them, and text that is safe to print. */

/**
 * Text of unknown origin for a terminal: control characters (escape sequences start with one), line
 * separators and marks that reorder what follows are dropped.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '');
}

/** `812 B`, `518 KB`, `1.1 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 999_500) return `${Math.round(bytes / 1_000)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Whole units, the largest that fits: `5s`, `3m`, `2h`, `4d`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** Local time to the minute: `2026-12-31 23:59`. */
export function formatTime(unixMs: number): string {
  const at = new Date(unixMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** `1 view`, `2 views`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function formatExpiry(expiresAt: number | null): string {
  return expiresAt === null ? 'never expires' : `expires ${formatTime(expiresAt)}`;
}

/** What a view limit means, said wherever somebody might expect more of it. */
export const VIEW_LIMIT_NOTE =
  'Views are counted by the servers; copying or restoring the file does not bring views back. ' +
  'After one allowed view, a modified app or a camera can keep the picture.';
export const REVOKE_NOTE = 'Revoking stops later opens; it cannot recall what was seen.';
