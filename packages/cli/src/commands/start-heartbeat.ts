/** `start-heartbeat`: stays online. */

import {
  type CommandModule,
  intervalOption,
  ipOption,
  portOption,
  serverOption,
  userOption,
} from '../command.ts';
import type { AddressFlags, UserFlags } from '../context.ts';
import { stayOnline } from '../staying.ts';

interface HeartbeatFlags extends UserFlags, AddressFlags {
  readonly interval: number;
}

export const startHeartbeatCommand: CommandModule = (program, runner) => {
  program
    .command('start-heartbeat')
    .description('stay online until Ctrl-C')
    .addOption(userOption())
    .addOption(ipOption())
    .addOption(portOption())
    .addOption(intervalOption())
    .addOption(serverOption())
    .action(
      runner.run<HeartbeatFlags>(async (context, flags) => {
        const peer = await context.openPeer(flags);
        const address = context.address(flags, peer.profile);
        await stayOnline(context, peer, address, flags.interval, context.signal);
      }, 'goodbye'),
    );
};
