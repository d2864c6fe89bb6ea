/** How commands are declared and run. */

import { AppError, asUsername, EXIT, HEARTBEAT_INTERVAL_MS_DEFAULT } from '@cloud-steg/protocol';
import { type Command, Option } from 'commander';
import { parseHost, parseIntervalSeconds, parsePort, parseServers } from './arguments.ts';
import { Context, type GlobalFlags } from './context.ts';
import { Output, type OutputStyle } from './output.ts';
import type { Shell } from './shell.ts';

/**
 * What Ctrl-C does: `at-once` ends a command in the middle, which is safe since every write is whole or absent;
 * `finish` lets it leave things in order, still as cancelled; `goodbye` is how a command that stays ends well.
 * A second Ctrl-C ends any of them at once.
 */
export type OnInterrupt = 'at-once' | 'finish' | 'goodbye';

/** Does the work; returns an exit code other than 0 where the result itself says so. */
export type Action<Flags> = (
  context: Context,
  flags: Flags,
  positions: readonly string[],
) => Promise<number | void>;

/** Runs an action in a context of its own and remembers its exit code. */
export class Runner {
  readonly shell: Shell;
  exitCode: number = EXIT.ok;

  constructor(shell: Shell) {
    this.shell = shell;
  }

  /** The action as commander calls it. */
  run<Flags>(action: Action<Flags>, onInterrupt: OnInterrupt = 'at-once') {
    return async (...raw: unknown[]): Promise<void> => {
      const command = raw.at(-1) as Command;
      const flags = command.optsWithGlobals<GlobalFlags & Flags>();
      const interrupted = new AbortController();
      const cancelled = new Promise<never>((_, reject) => {
        this.shell.onInterrupt(() => {
          const again = interrupted.signal.aborted;
          interrupted.abort();
          if (again || onInterrupt === 'at-once') reject(new AppError('program/cancelled', 'cancelled'));
        });
      });
      const context = new Context(
        this.shell,
        flags,
        new Output(this.shell.stdout, this.shell.stderr, styleOf(flags, this.shell)),
        interrupted.signal,
      );
      try {
        const code = await Promise.race([action(context, flags, command.args), cancelled]);
        if (interrupted.signal.aborted && onInterrupt === 'finish') this.exitCode = EXIT.cancelled;
        else this.exitCode = code ?? EXIT.ok;
      } finally {
        await context.close();
      }
    };
  }
}

/** Adds one command, or a group, to the program. */
export type CommandModule = (program: Command, runner: Runner) => void;

export function styleOf(flags: GlobalFlags, shell: Shell): OutputStyle {
  const noColor = shell.env['NO_COLOR'];
  return {
    json: flags.json ?? false,
    quiet: flags.quiet ?? false,
    verbose: flags.verbose ?? false,
    color: flags.color && (noColor === undefined || noColor === ''),
  };
}

export function userOption(): Option {
  return new Option('--username <name>', 'who you are (default: the only user registered here)').argParser(
    asUsername,
  );
}

export function serverOption(): Option {
  return new Option(
    '--server <urls>',
    'discovery servers, such as http://localhost:8000,8001 (default: those registered at)',
  ).argParser((text: string, before: string[] | undefined) => [
    ...new Set([...(before ?? []), ...parseServers(text)]),
  ]);
}

export function ipOption(): Option {
  return new Option('--ip <address>', 'your address (default: as registered)').argParser(parseHost);
}

export function portOption(): Option {
  return new Option('--port <number>', 'your port (default: as registered)').argParser(parsePort);
}

export function intervalOption(
  what = 'time between heartbeats',
  defaultMs = HEARTBEAT_INTERVAL_MS_DEFAULT,
): Option {
  return new Option('--interval <seconds>', what).argParser(parseIntervalSeconds).default(defaultMs / 1_000);
}
