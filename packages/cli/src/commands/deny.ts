/** `deny`: answers a request with no. */

import { collectFiledRequests, denyRequest, pendingRequestOf } from '@cloud-steg/peer';
import { asUsername, type Username } from '@cloud-steg/protocol';
import { flagOrPosition, parseImageIndex } from '../arguments.ts';
import { type CommandModule, serverOption, userOption } from '../command.ts';
import type { UserFlags } from '../context.ts';

interface DenyFlags extends UserFlags {
  readonly requesterUsername?: Username;
  readonly imageIndex?: number;
}

export const denyCommand: CommandModule = (program, runner) => {
  program
    .command('deny [requester] [index]')
    .description('refuse a request: deny alice 0')
    .addOption(userOption())
    .option('--requester-username <name>', 'who asked', asUsername)
    .option('--image-index <number>', 'for which of your pictures, from 0', parseImageIndex)
    .addOption(serverOption())
    .action(
      runner.run<DenyFlags>(async (context, flags, [requesterText, indexText]) => {
        const requester = flagOrPosition(
          flags.requesterUsername,
          requesterText === undefined ? undefined : asUsername(requesterText),
          'whose request (--requester-username)',
        );
        const imageIndex = flagOrPosition(
          flags.imageIndex,
          indexText === undefined ? undefined : parseImageIndex(indexText),
          'for which picture (--image-index, from 0)',
        );
        const peer = await context.openPeer(flags);
        await collectFiledRequests(peer);
        const request = pendingRequestOf(peer, requester, imageIndex);
        await denyRequest(peer, request);
        context.output.print({ id: request.id, requester, imageIndex, state: 'denied' }, [
          `🚫 Denied ${requester}'s request for image [${imageIndex}] ${request.imageName}`,
        ]);
      }),
    );
};
