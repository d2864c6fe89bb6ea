/** `revoke`: no opening from now on. */

import { amendGrant } from '@cloud-steg/peer';
import { AppError } from '@cloud-steg/protocol';
import { parseGrantPrefix } from '../arguments.ts';
import { type CommandModule, serverOption, userOption } from '../command.ts';
import type { UserFlags } from '../context.ts';
import { grantJson, grantLine, ownGrant } from '../grant-lookup.ts';
import { REVOKE_NOTE } from '../wording.ts';

export const revokeCommand: CommandModule = (program, runner) => {
  program
    .command('revoke <grant>')
    .description('stop a picture you sent from being opened again')
    .addOption(userOption())
    .addOption(serverOption())
    .action(
      runner.run<UserFlags>(async (context, flags, [prefix]) => {
        const wanted = parseGrantPrefix(prefix ?? '');
        const peer = await context.openPeer(flags);
        const found = await ownGrant(peer, wanted);
        const yes =
          context.flags.yes ||
          (await context.shell.confirm(`Revoke ${grantLine(found, 'owner')}?`)) !== false;
        if (!yes) throw new AppError('program/cancelled', 'nothing was revoked');
        const grant = await amendGrant(peer, found.id, { revoked: true });
        context.output.print(grantJson(grant), [`🚫 ${grantLine(grant, 'owner')}`]);
        context.output.note('', REVOKE_NOTE);
      }),
    );
};
