/** The server's settings: command line, environment and configuration file, checked once. */

import { type ElectionConfig, readElectionConfig } from '@cloud-steg/election';
import { AppError, HEARTBEAT_TTL_MS_DEFAULT } from '@cloud-steg/protocol';
import { parse as parseToml, TomlError } from 'smol-toml';

/** Where a server without a configuration file says it stands. */
const SINGLE_NODE = '127.0.0.1:5001';
const PORT_DEFAULT = 8000;
const HEARTBEAT_TTL_SECONDS_MAX = 3600;

export interface Settings {
  /** Members and timings of the election; one member where there is no file. */
  readonly election: ElectionConfig;
  /** Where HTTP is served. Port 0: any free one. */
  readonly host: string;
  readonly port: number;
  /** What clients are told to use instead of `host` and `port`, without a slash at the end. */
  readonly publicUrl: string | undefined;
  readonly dataDir: string;
  readonly heartbeatTtlMs: number;
  /** Log lines as JSON. */
  readonly json: boolean;
  /** Log what is of interest to developers, too. */
  readonly verbose: boolean;
}

export interface SettingsSource {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a configuration file; throws what `readFile` throws. */
  readonly readFile: (path: string) => string;
}

export const USAGE = `usage: p2p-discovery-server [--config FILE] [--this-node ADDRESS] [--json] [--verbose]

  --config FILE        the cluster's members and timings, in TOML; without it, one server alone
  --this-node ADDRESS  which member this server is, such as 127.0.0.1:5002; default: the file's this_node
  --json               log lines as JSON
  --verbose            log more

environment:
  PORT                    HTTP port, 0 for any free one (8000)
  HOST                    address to serve HTTP at (127.0.0.1); traffic is not encrypted
  PUBLIC_URL              where clients reach this server, if not at HOST and PORT
  DATA_DIR                the cluster's files, shared by the servers of one machine (data)
  HEARTBEAT_TTL_SECONDS   silence after which a user is offline (10)
`;

/** Throws `usage/bad-argument` or `usage/bad-config`, naming what is wrong and where. */
export function readSettings({ argv, env, readFile }: SettingsSource): Settings {
  const flags = parseFlags(argv);
  const election = readCluster(flags, readFile);
  return {
    election,
    host: env['HOST'] || '127.0.0.1',
    port: wholeNumber('PORT', env['PORT'], PORT_DEFAULT, 0, 65_535),
    publicUrl: publicUrl(env['PUBLIC_URL']),
    dataDir: env['DATA_DIR'] || 'data',
    heartbeatTtlMs:
      1000 *
      wholeNumber(
        'HEARTBEAT_TTL_SECONDS',
        env['HEARTBEAT_TTL_SECONDS'],
        HEARTBEAT_TTL_MS_DEFAULT / 1000,
        1,
        HEARTBEAT_TTL_SECONDS_MAX,
      ),
    json: flags.json,
    verbose: flags.verbose,
  };
}

interface Flags {
  config?: string;
  thisNode?: string;
  json: boolean;
  verbose: boolean;
}

/** `--flag value` or `--flag=value`. */
function parseFlags(argv: readonly string[]): Flags {
  const flags: Flags = { json: false, verbose: false };
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [, name = word, inline] = /^(--[a-z-]+)=(.*)$/.exec(word) ?? [];
    const value = () => {
      const text = inline ?? rest.shift();
      if (!text) throw badArgument(`${name} needs a value`);
      return text;
    };
    if (name === '--config') flags.config = value();
    else if (name === '--this-node') flags.thisNode = value();
    else if (word === '--json') flags.json = true;
    else if (word === '--verbose') flags.verbose = true;
    else throw badArgument(`unknown argument ${JSON.stringify(word)}`);
  }
  return flags;
}

function readCluster({ config, thisNode }: Flags, readFile: (path: string) => string): ElectionConfig {
  if (config === undefined) return readElectionConfig({ this_node: thisNode ?? SINGLE_NODE });
  try {
    return readElectionConfig(parseFile(config, readFile), thisNode);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const stranger = thisNode !== undefined && error.message.includes(thisNode);
    const what = stranger ? `--this-node: ${thisNode} is none of its members` : error.message;
    throw new AppError('usage/bad-config', `${config}: ${what}`, {
      data: { ...error.data, file: config },
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

function parseFile(path: string, readFile: (path: string) => string): unknown {
  let text: string;
  try {
    text = readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('usage/bad-config', `cannot be read: ${reason}`, {
      cause,
      hint: 'check the path; in a checkout there is examples/config_3servers.toml, and without --config one server runs alone',
    });
  }
  try {
    return parseToml(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [what = 'syntax error'] = cause.message.split('\n');
    throw new AppError('usage/bad-config', `line ${cause.line}, column ${cause.column}: ${what}`, { cause });
  }
}

function wholeNumber(
  name: string,
  text: string | undefined,
  fallback: number,
  min: number,
  max: number,
): number {
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new AppError(
    'usage/bad-config',
    `${name}: expected a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`,
    { data: { key: name } },
  );
}

function publicUrl(text: string | undefined): string | undefined {
  if (!text) return undefined;
  if (URL.canParse(text) && /^https?:\/\/[^/?#]+\/?$/.test(text)) return text.replace(/\/$/, '');
  throw new AppError(
    'usage/bad-config',
    `PUBLIC_URL: expected an address such as http://192.168.1.10:8000, not ${JSON.stringify(text)}`,
    { data: { key: 'PUBLIC_URL' } },
  );
}

function badArgument(what: string): AppError {
  return new AppError('usage/bad-argument', what, { hint: USAGE });
}
