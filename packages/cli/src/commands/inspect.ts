/** `inspect`: what a carrier's own label says. Spends nothing. */

import { inspectCarrier } from '@cloud-steg/peer';
import { type CommandModule, userOption } from '../command.ts';
import type { UserFlags } from '../context.ts';
import { formatBytes, formatTime } from '../wording.ts';

export const inspectCommand: CommandModule = (program, runner) => {
  program
    .command('inspect <file>')
    .description("read a carrier's label; spends no view")
    .addOption(userOption())
    .action(
      runner.run<UserFlags>(async (context, flags, [file]) => {
        const peer = await context.openPeer(flags);
        const inspected = await inspectCarrier(peer, file ?? '');
        const { header, owner, allowed, width, height, payloadBytes } = inspected;
        context.output.print(
          {
            file: inspected.file,
            owner,
            allowed,
            grant: header.grant,
            viewsRemaining: header.viewsRemaining,
            viewsGranted: header.viewsGranted,
            expiresAt: header.expiresAt,
            profile: header.profile,
            width,
            height,
            payloadBytes,
          },
          [
            `🔎 ${inspected.file}`,
            `   Owner: ${owner}`,
            `   For: ${allowed}`,
            `   Views remaining: ${header.viewsRemaining} of ${header.viewsGranted} (its own note; the servers' count decides)`,
            `   Expires: ${header.expiresAt === null ? 'never' : formatTime(header.expiresAt)}`,
            `   Grant: ${header.grant}`,
            `   Hidden: ${formatBytes(payloadBytes)} in ${width}x${height} pixels (${header.profile})`,
          ],
        );
        context.output.note('', 'No view was spent.');
      }),
    );
};
