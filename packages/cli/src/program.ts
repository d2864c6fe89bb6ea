/** The whole command line: options, commands, errors to exit codes. */

import { AppError, EXIT, toAppError, traitsOf } from '@cloud-steg/protocol';
import { Command, CommanderError } from 'commander';
import { parseTimeoutSeconds } from './arguments.ts';
import { type CommandModule, Runner, styleOf } from './command.ts';
import { capacityCommand } from './commands/capacity.ts';
import { clusterCommand } from './commands/cluster.ts';
import { demoCommand } from './commands/demo.ts';
import { denyCommand } from './commands/deny.ts';
import { extendCommand } from './commands/extend.ts';
import { grantsCommand } from './commands/grants.ts';
import { identityCommand } from './commands/identity.ts';
import { inspectCommand } from './commands/inspect.ts';
import { listOnlineCommand } from './commands/list-online.ts';
import { listReceivedImagesCommand } from './commands/list-received-images.ts';
import { listRequestsCommand } from './commands/list-requests.ts';
import { outboxCommand } from './commands/outbox.ts';
import { registerCommand } from './commands/register.ts';
import { requestImageCommand } from './commands/request-image.ts';
import { revokeCommand } from './commands/revoke.ts';
import { sendImageCommand } from './commands/send-image.ts';
import { serverCommand } from './commands/server.ts';
import { startHeartbeatCommand } from './commands/start-heartbeat.ts';
import { startP2pServerCommand } from './commands/start-p2p-server.ts';
import { upCommand } from './commands/up.ts';
import { viewImageCommand } from './commands/view-image.ts';
import { Output } from './output.ts';
import type { Shell } from './shell.ts';
import { VIEW_LIMIT_NOTE } from './wording.ts';

const VERSION = '0.1.0';

/** In the order of the help. */
const COMMANDS: readonly CommandModule[] = [
  registerCommand,
  upCommand,
  startHeartbeatCommand,
  startP2pServerCommand,
  listOnlineCommand,
  requestImageCommand,
  listRequestsCommand,
  sendImageCommand,
  denyCommand,
  listReceivedImagesCommand,
  viewImageCommand,
  inspectCommand,
  grantsCommand,
  extendCommand,
  revokeCommand,
  outboxCommand,
  capacityCommand,
  identityCommand,
  clusterCommand,
];
/** What `cloud-steg` can besides. */
const CLOUD_STEG_COMMANDS: readonly CommandModule[] = [serverCommand, demoCommand];

/** Runs one command line to its end; resolves to the exit code. Never rejects. */
export async function runProgram(shell: Shell): Promise<number> {
  const runner = new Runner(shell);
  const program = buildProgram(shell, runner);
  try {
    await program.parseAsync([...shell.argv], { from: 'user' });
    return runner.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok;
    const error = thrown instanceof CommanderError ? usageError(thrown, program, shell) : toAppError(thrown);
    errorOutput(shell).error(error);
    return traitsOf(error.code).exit;
  }
}

function buildProgram(shell: Shell, runner: Runner): Command {
  const program = new Command(shell.program)
    .description('Show pictures to particular people, a limited number of times, peer to peer.')
    .version(VERSION)
    .option('--json', 'print one JSON object (one per event for commands that stay)')
    .option('--quiet', 'no hints, no progress')
    .option('--yes', 'do not ask, overwrite')
    .option('--no-color', 'no colours (also: NO_COLOR)')
    .option('--timeout <seconds>', 'longest wait for the cluster, through elections', parseTimeoutSeconds)
    .option('--data-dir <folder>', 'where your keys and pictures lie')
    .option('--verbose', 'logs, and where a bug happened')
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => shell.stdout.write(text),
      // Its errors arrive as exceptions and are told in this program's own way; help after an error is talk.
      writeErr: (text) => shell.stderr.write(text),
      outputError: () => {},
    })
    .addHelpText('after', `\n${VIEW_LIMIT_NOTE}\n`);
  const modules = shell.program === 'cloud-steg' ? [...COMMANDS, ...CLOUD_STEG_COMMANDS] : COMMANDS;
  for (const addCommand of modules) addCommand(program, runner);
  return program;
}

/** Commander's complaint in this program's words. */
function usageError(error: CommanderError, program: Command, shell: Shell): AppError {
  if (error.code === 'commander.help') {
    return new AppError('usage/bad-argument', 'no command given', {
      hint: `for example: ${shell.calledAs} list-online`,
    });
  }
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const command = shell.argv.find((word) => program.commands.some((known) => known.name() === word));
  const about = command === undefined ? shell.calledAs : `${shell.calledAs} ${command}`;
  return new AppError('usage/bad-argument', message, { hint: `see: ${about} --help` });
}

/** The style an error is told in, even when the command line could not be read. */
function errorOutput(shell: Shell): Output {
  const has = (flag: string) => shell.argv.includes(flag);
  const style = styleOf(
    {
      ...(has('--json') && { json: true }),
      ...(has('--verbose') && { verbose: true }),
      color: !has('--no-color'),
    },
    shell,
  );
  return new Output(shell.stdout, shell.stderr, style);
}
