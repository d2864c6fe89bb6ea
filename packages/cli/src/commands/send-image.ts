/** `send-image`: approves a request; grants views, hides the picture, delivers the carrier. */

import { fingerprint, type SendResult, sendImage } from '@cloud-steg/peer';
import { asUsername, type Username } from '@cloud-steg/protocol';
import { flagOrPosition, parseExpiry, parseImageIndex, parseViews } from '../arguments.ts';
import { type CommandModule, ipOption, portOption, serverOption, userOption } from '../command.ts';
import type { AddressFlags, UserFlags } from '../context.ts';
import { formatBytes, formatExpiry, plural, VIEW_LIMIT_NOTE } from '../wording.ts';

interface SendFlags extends UserFlags, AddressFlags {
  readonly requesterUsername?: Username;
  readonly imageIndex?: number;
  readonly views: number;
  readonly cover?: string;
  readonly expires?: string;
  /** False with `--no-save`. */
  readonly save: boolean;
}

export const sendImageCommand: CommandModule = (program, runner) => {
  program
    .command('send-image [requester] [index]')
    .description('approve a request: send-image alice 0 --views 3')
    .addOption(userOption())
    .option('--requester-username <name>', 'who asked', asUsername)
    .option('--image-index <number>', 'for which of your pictures, from 0', parseImageIndex)
    .requiredOption('--views <number>', 'how often it may be opened', parseViews)
    .addOption(ipOption())
    .addOption(portOption())
    .option('--cover <file>', 'your own picture to hide it in (default: one is generated)')
    .option('--expires <when>', 'no opening after: 12h, 7d, 2026-12-31, never', 'never')
    .option('--no-save', 'the recipient may look, not save')
    .addOption(serverOption())
    .action(
      runner.run<SendFlags>(async (context, flags, [requesterText, indexText]) => {
        const requester = flagOrPosition(
          flags.requesterUsername,
          requesterText === undefined ? undefined : asUsername(requesterText),
          'to whom (--requester-username)',
        );
        const imageIndex = flagOrPosition(
          flags.imageIndex,
          indexText === undefined ? undefined : parseImageIndex(indexText),
          'which picture (--image-index, from 0)',
        );
        const expiresAt = parseExpiry(flags.expires ?? 'never', context.shell.now());
        const peer = await context.openPeer(flags);
        context.output.note(
          `🔒 Sealing image [${imageIndex}] to ${requester} and hiding it in ${flags.cover ?? 'a generated picture'} ...`,
        );
        const sent = await sendImage(peer, {
          requester,
          imageIndex,
          views: flags.views,
          expiresAt,
          allowSave: flags.save,
          ...(flags.cover !== undefined && { coverPath: flags.cover }),
        });
        const key = peer.contacts.byName(requester)?.ed25519;
        const recipientFingerprint = key === undefined ? null : fingerprint(key);
        context.output.print(
          {
            ...sent,
            reason: sent.reason ?? null,
            expiresAt,
            allowSave: flags.save,
            recipientFingerprint,
            recipientVerified: false,
          },
          sentLines(sent, expiresAt, flags.save),
        );
        context.output.note(
          `   ⚠️ ${requester}'s key ${recipientFingerprint ?? ''} is unverified: compare it with ${requester} over another channel (identity show)`,
          '',
          VIEW_LIMIT_NOTE,
          `💡 See each opening, extend or revoke: ${await context.next(`grants ${sent.grant.slice(0, 8)}`, peer.username)}`,
        );
      }),
    );
};

function sentLines(sent: SendResult, expiresAt: number | null, save: boolean): string[] {
  const { requester, imageName, views, width, height, originalBytes, carrierBytes } = sent;
  const delivery =
    sent.state === 'delivered'
      ? [`✅ Delivered to ${requester}: ${imageName}, ${plural(views, 'view')}`]
      : [
          `📮 Queued for ${requester}: ${imageName}, ${plural(views, 'view')}; 'up' delivers it when they are there`,
          `   ${sent.reason ?? ''}`,
        ];
  return [
    ...delivery,
    `   ${formatBytes(originalBytes)} hidden in a ${width}x${height} picture of ${formatBytes(carrierBytes)}`,
    `   grant ${sent.grant}, ${formatExpiry(expiresAt)}, saving ${save ? 'allowed' : 'not allowed'}`,
  ];
}
