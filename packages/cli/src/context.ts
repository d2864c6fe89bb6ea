/** What every command starts from: who acts, on which data, through which servers. Flags, then environment, then profile. */

import {
  type CarrierEngine,
  ClusterClient,
  DataDirectory,
  defaultDataDirectory,
  guessHost,
  type Log,
  loadProfile,
  openPeer,
  type Peer,
  type PeerPorts,
  type Profile,
} from '@cloud-steg/peer';
import {
  type Address,
  AppError,
  asUsername,
  TIMEOUT_SECONDS_DEFAULT,
  type Username,
} from '@cloud-steg/protocol';
import {
  DEFAULT_PORT,
  DEFAULT_SERVERS,
  parseHost,
  parsePort,
  parseServers,
  parseTimeoutSeconds,
} from './arguments.ts';
import type { Output } from './output.ts';
import type { Shell } from './shell.ts';

/** Options every command takes. */
export interface GlobalFlags {
  readonly json?: true;
  readonly quiet?: true;
  readonly yes?: true;
  readonly verbose?: true;
  /** False with `--no-color`. */
  readonly color: boolean;
  /** Seconds. */
  readonly timeout?: number;
  readonly dataDir?: string;
}

/** Options many commands share, each optional here and defaulted by {@link Context}. */
export interface UserFlags {
  readonly username?: Username;
  readonly server?: readonly string[];
}
export interface AddressFlags {
  readonly ip?: string;
  readonly port?: number;
}

export class Context {
  readonly shell: Shell;
  readonly flags: GlobalFlags;
  readonly output: Output;
  /** Aborted at the first Ctrl-C of a command that winds down by itself. */
  readonly signal: AbortSignal;
  readonly directory: DataDirectory;
  readonly #engine: CarrierEngine;
  readonly #peers: Peer[] = [];

  constructor(shell: Shell, flags: GlobalFlags, output: Output, signal: AbortSignal) {
    this.shell = shell;
    this.flags = flags;
    this.output = output;
    this.signal = signal;
    this.directory = new DataDirectory(flags.dataDir ?? defaultDataDirectory(shell.env, shell.platform));
    this.#engine = shell.makeEngine();
  }

  /** `log` instead of the ordinary one. */
  ports(log: Log = this.output.log): PeerPorts {
    const { env, now, random } = this.shell;
    const fromEnv = env['CLOUD_STEG_TIMEOUT'];
    const seconds =
      this.flags.timeout ?? (fromEnv === undefined ? TIMEOUT_SECONDS_DEFAULT : parseTimeoutSeconds(fromEnv));
    return { now, random, log, engine: this.#engine, clusterTimeoutMs: seconds * 1_000 };
  }

  /** The user named, or the only one with a profile here. Throws `identity/none-here`, `usage/bad-argument`. */
  async username(flag: Username | undefined): Promise<Username> {
    const named = this.namedUser(flag);
    if (named !== undefined) return named;
    const users = await this.directory.users();
    const [only, ...others] = users;
    if (only === undefined) {
      throw new AppError('identity/none-here', `nobody is registered in ${this.directory.root}`);
    }
    if (others.length === 0) return only;
    throw new AppError(
      'usage/bad-argument',
      `${users.length} users are registered here: ${users.join(', ')}`,
      {
        hint: `say who you are: --username ${only}`,
        data: { users },
      },
    );
  }

  /** The user named on the command line or in the environment. */
  namedUser(flag: Username | undefined): Username | undefined {
    const fromEnv = this.shell.env['CLOUD_STEG_USERNAME'];
    return flag ?? (fromEnv === undefined ? undefined : asUsername(fromEnv));
  }

  /** Servers named on the command line or in the environment. */
  namedServers(flag: readonly string[] | undefined): readonly string[] | undefined {
    const fromEnv = this.shell.env['CLOUD_STEG_SERVER'];
    return flag ?? (fromEnv === undefined ? undefined : parseServers(fromEnv));
  }

  /** The user's side, opened; closed again when the command ends. */
  async openPeer(flags: UserFlags, log?: Log): Promise<Peer> {
    const servers = this.namedServers(flags.server);
    const peer = await openPeer(this.ports(log), {
      dataDir: this.directory.root,
      username: await this.username(flags.username),
      ...(servers && { servers }),
    });
    this.#peers.push(peer);
    return peer;
  }

  /**
   * A way to the cluster that needs no identity. Without servers named it asks those that the users here registered at,
   * if they agree, and knows the cluster's key from them.
   */
  async cluster(flags: UserFlags): Promise<ClusterClient> {
    const profiles = await this.#profiles(this.namedUser(flags.username));
    const [first] = profiles;
    const agree = first && profiles.every(({ clusterKey }) => clusterKey === first.clusterKey);
    const known = agree ? first : undefined;
    const named = this.namedServers(flags.server);
    const servers = named ?? known?.servers ?? parseServers(DEFAULT_SERVERS);
    return new ClusterClient(servers, named ? undefined : known?.clusterKey, this.ports());
  }

  /** Where this user listens: flags, environment, `profile`, then this machine's first address and port 6000. */
  address(flags: AddressFlags, profile?: Profile): Address {
    const { env } = this.shell;
    const ip = flags.ip ?? (env['CLOUD_STEG_IP'] === undefined ? undefined : parseHost(env['CLOUD_STEG_IP']));
    const port =
      flags.port ?? (env['CLOUD_STEG_PORT'] === undefined ? undefined : parsePort(env['CLOUD_STEG_PORT']));
    return {
      host: ip ?? profile?.address.host ?? guessHost(),
      port: port ?? profile?.address.port ?? DEFAULT_PORT,
    };
  }

  /** A command to type next, with the options that made this one find its user. */
  async next(command: string, username: Username): Promise<string> {
    const users = await this.directory.users();
    const options = [
      ...(users.length > 1 ? [`--username ${username}`] : []),
      ...(this.flags.dataDir === undefined ? [] : [`--data-dir ${shellWord(this.flags.dataDir)}`]),
    ];
    return [this.shell.calledAs, command, ...options].join(' ');
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.close();
    await this.#engine.close();
  }

  async #profiles(username: Username | undefined): Promise<Profile[]> {
    const users = username === undefined ? await this.directory.users() : [username];
    const profiles = await Promise.all(users.map((user) => loadProfile(this.directory, user)));
    return profiles.filter((profile) => profile !== undefined);
  }
}

/** `text` as one word of a command line. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
