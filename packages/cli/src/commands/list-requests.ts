/** `list-requests`: who asks for what. */

import { collectFiledRequests, pendingRequests } from '@cloud-steg/peer';
import { toAppError } from '@cloud-steg/protocol';
import { type CommandModule, ipOption, portOption, serverOption, userOption } from '../command.ts';
import type { AddressFlags, UserFlags } from '../context.ts';
import { formatSpan } from '../wording.ts';

export const listRequestsCommand: CommandModule = (program, runner) => {
  program
    .command('list-requests')
    .description('requests for your pictures that wait for an answer')
    .addOption(userOption())
    .addOption(ipOption())
    .addOption(portOption())
    .addOption(serverOption())
    .action(
      runner.run<UserFlags & AddressFlags>(async (context, flags) => {
        const peer = await context.openPeer(flags);
        try {
          await collectFiledRequests(peer);
        } catch (thrown) {
          const error = toAppError(thrown);
          if (!error.code.startsWith('cluster/')) throw error;
          context.output.note(`Requests left at the cluster are not shown: ${error.message}`);
        }
        const requests = pendingRequests(peer);
        const now = context.shell.now();
        context.output.print({ username: peer.username, requests }, [
          requests.length === 0
            ? `📭 No pending requests for ${peer.username}`
            : `📬 Pending requests for ${peer.username}:`,
          ...requests.flatMap(({ from, imageIndex, imageName, message, receivedAt }, i) => [
            `  [${i}] ${from} requests image [${imageIndex}] ${imageName} (requested ${formatSpan(now - receivedAt)} ago)`,
            ...(message === undefined ? [] : [`      “${message}”`]),
          ]),
        ]);
        const [first] = requests;
        if (first) {
          const { from, imageIndex } = first;
          context.output.note(
            '',
            "💡 Use 'send-image' to approve and send an image, 'deny' to refuse:",
            `   ${await context.next(`send-image ${from} ${imageIndex} --views 3`, peer.username)}`,
            `   ${await context.next(`deny ${from} ${imageIndex}`, peer.username)}`,
          );
        }
      }),
    );
};
