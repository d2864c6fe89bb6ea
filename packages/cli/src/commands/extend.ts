/** `extend`: other views or another expiry, while a grant lasts. */

import { amendGrant } from '@cloud-steg/peer';
import { AppError } from '@cloud-steg/protocol';
import { parseExpiry, parseGrantPrefix, parseMoreViews, parseViews } from '../arguments.ts';
import { type CommandModule, serverOption, userOption } from '../command.ts';
import type { UserFlags } from '../context.ts';
import { grantJson, grantLine, ownGrant } from '../grant-lookup.ts';

interface ExtendFlags extends UserFlags {
  readonly views?: number;
  readonly more?: number;
  readonly expires?: string;
}

export const extendCommand: CommandModule = (program, runner) => {
  program
    .command('extend <grant>')
    .description('change how often, or until when, a picture you sent may be opened')
    .addOption(userOption())
    .option('--views <number>', 'new total, used ones included', parseViews)
    .option('--more <number>', 'so many more than now', parseMoreViews)
    .option('--expires <when>', 'no opening after: 12h, 7d, 2026-12-31, never')
    .addOption(serverOption())
    .action(
      runner.run<ExtendFlags>(async (context, flags, [prefix]) => {
        const { views, more, expires } = flags;
        if (views !== undefined && more !== undefined) {
          throw new AppError('usage/bad-argument', '--views and --more say the same in two ways: give one');
        }
        if (views === undefined && more === undefined && expires === undefined) {
          throw new AppError('usage/bad-argument', 'nothing to change', {
            hint: 'give --views TOTAL, --more NUMBER or --expires WHEN',
          });
        }
        const wanted = parseGrantPrefix(prefix ?? '');
        const expiresAt = expires === undefined ? undefined : parseExpiry(expires, context.shell.now());
        const peer = await context.openPeer(flags);
        const { id } = await ownGrant(peer, wanted);
        const grant = await amendGrant(peer, id, {
          ...(views !== undefined && { views }),
          ...(more !== undefined && { moreViews: more }),
          ...(expiresAt !== undefined && { expiresAt }),
        });
        context.output.print(grantJson(grant), [`✅ ${grantLine(grant, 'owner')}`]);
      }),
    );
};
