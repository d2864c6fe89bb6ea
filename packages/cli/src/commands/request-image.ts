/** `request-image`: asks somebody for a picture. */

import { requestImage } from '@cloud-steg/peer';
import { AppError, asUsername, MESSAGE_CHARS_MAX, type Username } from '@cloud-steg/protocol';
import { flagOrPosition, parseHost, parseImageIndex, parseTargetPort } from '../arguments.ts';
import { type CommandModule, serverOption, userOption } from '../command.ts';
import type { UserFlags } from '../context.ts';

interface RequestFlags extends UserFlags {
  readonly targetUsername?: Username;
  readonly targetIp?: string;
  readonly targetPort?: number;
  readonly imageIndex?: number;
  readonly message?: string;
  /** False with `--no-queue`. */
  readonly queue: boolean;
}

export const requestImageCommand: CommandModule = (program, runner) => {
  program
    .command('request-image [owner] [index]')
    .description('ask somebody for a picture: request-image bob 0')
    .addOption(userOption())
    .option('--target-username <name>', 'whose picture', asUsername)
    .option('--target-ip <address>', 'where to try besides the addresses they advertise', parseHost)
    .option('--target-port <number>', 'the port there', parseTargetPort)
    .option('--image-index <number>', 'which of their pictures, from 0', parseImageIndex)
    .option('--message <text>', `a word to the owner, at most ${MESSAGE_CHARS_MAX} characters`, parseMessage)
    .option('--no-queue', 'fail when the owner is offline, instead of trying later')
    .addOption(serverOption())
    .action(
      runner.run<RequestFlags>(async (context, flags, [ownerText, indexText]) => {
        const owner = flagOrPosition(
          flags.targetUsername,
          ownerText === undefined ? undefined : asUsername(ownerText),
          'whose picture (--target-username)',
        );
        const imageIndex = flagOrPosition(
          flags.imageIndex,
          indexText === undefined ? undefined : parseImageIndex(indexText),
          'which picture (--image-index, from 0)',
        );
        const { targetIp: host, targetPort: port } = flags;
        if ((host === undefined) !== (port === undefined)) {
          throw new AppError('usage/bad-argument', '--target-ip and --target-port go together');
        }
        const peer = await context.openPeer(flags);
        const asked = await requestImage(peer, {
          owner,
          imageIndex,
          queue: flags.queue,
          ...(host !== undefined && port !== undefined && { address: { host, port } }),
          ...(flags.message !== undefined && { message: flags.message }),
        });
        const lines =
          asked.state === 'delivered'
            ? [`✅ ${owner} has your request for image [${imageIndex}]`]
            : [
                `📮 Queued: ${owner} gets your request for image [${imageIndex}] when both of you are there`,
                `   ${asked.reason ?? ''}`,
              ];
        context.output.print({ ...asked, reason: asked.reason ?? null }, lines);
        const listening = await context.next('up', peer.username);
        context.output.note(
          '',
          asked.state === 'delivered'
            ? `💡 Keep '${listening}' running to receive it, then: ${await context.next('list-received-images', peer.username)}`
            : `💡 It also waits at the cluster. Keep '${listening}' running to send it again and to receive the picture`,
        );
      }),
    );
};

function parseMessage(text: string): string {
  if (text.length <= MESSAGE_CHARS_MAX) return text;
  throw new AppError(
    'usage/bad-argument',
    `--message has ${text.length} characters, at most ${MESSAGE_CHARS_MAX} are allowed`,
  );
}
