/** `start-p2p-server`: listens for requests and pictures, and sends what waits in the outbox. */

import { type CommandModule, ipOption, portOption, serverOption, userOption } from '../command.ts';
import type { AddressFlags, UserFlags } from '../context.ts';
import { serveUntil, tellingLog } from '../staying.ts';

export const startP2pServerCommand: CommandModule = (program, runner) => {
  program
    .command('start-p2p-server')
    .description('listen for requests and pictures until Ctrl-C')
    .addOption(userOption())
    .addOption(ipOption())
    .addOption(portOption())
    .addOption(serverOption())
    .action(
      runner.run<UserFlags & AddressFlags>(async (context, flags) => {
        const peer = await context.openPeer(flags, tellingLog(context));
        const address = context.address(flags, peer.profile);
        await serveUntil(context, peer, address, context.signal);
        context.output.print({ event: 'stopped', username: peer.username }, [
          `👋 ${peer.username} has stopped listening`,
        ]);
      }, 'goodbye'),
    );
};
