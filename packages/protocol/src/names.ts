/** Identifiers and small values that cross a wire, each a brand with the schema that admits it. */

import * as z from 'zod';
import { AppError } from './errors.ts';
import { USERNAME_CHARS_MAX } from './limits.ts';

/** Lower case ASCII, safe as a file name, at most 32 characters. */
export const Username = z
  .string()
  .regex(
    new RegExp(`^[a-z0-9][a-z0-9._-]{0,${USERNAME_CHARS_MAX - 1}}$`),
    `a username is 1 to ${USERNAME_CHARS_MAX} characters of a-z 0-9 . _ - and starts with a letter or digit`,
  )
  .brand<'Username'>();
export type Username = z.infer<typeof Username>;

const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`), `expected ${bytes * 2} lower case hex digits`);
const base64url = (bytes: number) => {
  const chars = Math.ceil((bytes * 4) / 3);
  return z.string().regex(new RegExp(`^[A-Za-z0-9_-]{${chars}}$`), `expected ${bytes} bytes in base64url`);
};

/** 128 random bits, lower case hex. */
export const GrantId = hex(16).brand<'GrantId'>();
export type GrantId = z.infer<typeof GrantId>;
export const ViewId = hex(16).brand<'ViewId'>();
export type ViewId = z.infer<typeof ViewId>;
export const RequestId = hex(16).brand<'RequestId'>();
export type RequestId = z.infer<typeof RequestId>;
export const DeliveryId = hex(16).brand<'DeliveryId'>();
export type DeliveryId = z.infer<typeof DeliveryId>;
export const ImageId = hex(16).brand<'ImageId'>();
export type ImageId = z.infer<typeof ImageId>;
export const Sha256 = hex(32).brand<'Sha256'>();
export type Sha256 = z.infer<typeof Sha256>;

/** 32 bytes (Ed25519 or X25519 public key), base64url without padding. */
export const PublicKey = base64url(32).brand<'PublicKey'>();
export type PublicKey = z.infer<typeof PublicKey>;
/** 64 bytes (Ed25519 signature), base64url without padding. */
export const Signature = base64url(64).brand<'Signature'>();
export type Signature = z.infer<typeof Signature>;

/** The election's fencing number: 1, 2, 3, ... */
export const Term = z.int().nonnegative().brand<'Term'>();
export type Term = z.infer<typeof Term>;

/** Milliseconds since 1970 on somebody's wall clock. */
export const UnixMs = z.int().nonnegative();

/** Where a peer listens, as it says itself: a hint, since only its key proves who answers. */
export const Address = z.object({
  host: z
    .string()
    .min(1)
    .max(253)
    .regex(/^[A-Za-z0-9.:_-]+$/, 'a host is a name or an IP address'),
  port: z.int().min(1).max(65_535),
});
export type Address = z.infer<typeof Address>;

/** Parses with `schema`; a mismatch becomes `input/invalid` naming the first offending key. */
export function parse<S extends z.ZodType>(schema: S, value: unknown, what: string): z.infer<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.path.length ? `${what}: ${issue.path.join('.')}` : what;
  throw new AppError('input/invalid', `${where}: ${issue?.message ?? 'not as expected'}`, {
    data: { path: issue?.path.map(String) ?? [] },
  });
}

/** Parses JSON text, then `schema`. */
export function parseJson<S extends z.ZodType>(schema: S, text: string, what: string): z.infer<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('input/invalid', `${what}: not valid JSON`, { cause });
  }
  return parse(schema, value, what);
}

/** `usage/bad-argument` unless `text` is a username; for command lines. */
export function asUsername(text: string): Username {
  const result = Username.safeParse(text);
  if (result.success) return result.data;
  const shown = JSON.stringify(text.slice(0, 64));
  throw new AppError(
    'usage/bad-argument',
    `${shown} is not a username: ${result.error.issues[0]?.message ?? ''}`,
    {
      hint: 'choose a name such as alice or bob.smith',
    },
  );
}
