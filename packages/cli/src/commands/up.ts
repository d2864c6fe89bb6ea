/** `up`: online, listening and delivering, in one. */

import {
  type CommandModule,
  intervalOption,
  ipOption,
  portOption,
  serverOption,
  userOption,
} from '../command.ts';
import type { AddressFlags, UserFlags } from '../context.ts';
import { serveUntil, stayOnline, tellingLog } from '../staying.ts';

interface UpFlags extends UserFlags, AddressFlags {
  readonly interval: number;
}

export const upCommand: CommandModule = (program, runner) => {
  program
    .command('up')
    .description('be online, receive and deliver, until Ctrl-C (heartbeat and P2P server in one)')
    .addOption(userOption())
    .addOption(ipOption())
    .addOption(portOption())
    .addOption(intervalOption())
    .addOption(serverOption())
    .action(
      runner.run<UpFlags>(async (context, flags) => {
        const peer = await context.openPeer(flags, tellingLog(context));
        const address = context.address(flags, peer.profile);
        await serveUntil(context, peer, address, context.signal, [
          (signal) => stayOnline(context, peer, address, flags.interval, signal),
        ]);
      }, 'goodbye'),
    );
};
