/** `grants`: what I gave and was given, and each opening. */

import { type CheckedEvent, grantEvents, listGrants } from '@cloud-steg/peer';
import type { GrantEvent, GrantView } from '@cloud-steg/protocol';
import { parseGrantPrefix } from '../arguments.ts';
import { type CommandModule, serverOption, userOption } from '../command.ts';
import type { Context, UserFlags } from '../context.ts';
import { grantJson, grantLine, grantStarting, shortId } from '../grant-lookup.ts';
import { formatTime } from '../wording.ts';

export const grantsCommand: CommandModule = (program, runner) => {
  program
    .command('grants [grant]')
    .description('grants you gave and were given; with a grant: its history')
    .addOption(userOption())
    .addOption(serverOption())
    .action(
      runner.run<UserFlags>(async (context, flags, [prefix]) => {
        const wanted = prefix === undefined ? undefined : parseGrantPrefix(prefix);
        const peer = await context.openPeer(flags);
        const given = await listGrants(peer, 'owner');
        const received = await listGrants(peer, 'recipient');
        if (wanted !== undefined) {
          const grant = grantStarting([...given, ...received], wanted);
          printHistory(context, grant, await grantEvents(peer, grant));
          return;
        }
        context.output.print({ given: given.map(grantJson), received: received.map(grantJson) }, [
          `Given by ${peer.username} (${given.length}):`,
          ...given.map((grant) => `  ${grantLine(grant, 'owner')}`),
          `Given to ${peer.username} (${received.length}):`,
          ...received.map((grant) => `  ${grantLine(grant, 'recipient')}`),
        ]);
        const active = given.find(({ phase }) => phase === 'active');
        if (active) {
          context.output.note(
            '',
            '💡 History, more views, or an end to it:',
            `   ${await context.next(`grants ${shortId(active)}`, peer.username)}`,
            `   ${await context.next(`extend ${shortId(active)} --more 2`, peer.username)}`,
            `   ${await context.next(`revoke ${shortId(active)}`, peer.username)}`,
          );
        }
      }),
    );
};

function printHistory(context: Context, grant: GrantView, events: readonly CheckedEvent[]): void {
  const shown = grantJson(grant);
  context.output.print(
    {
      ...shown,
      events: events.map(({ seq, at, kind, n, signed }) => ({ seq, at, kind, n: n ?? null, signed })),
    },
    [
      `Grant ${grant.id}`,
      `  ${shown.imageName} [${shown.imageIndex}], from ${grant.owner} to ${grant.recipient}`,
      `  ${grant.used} of ${grant.views} views used, ${grant.phase}, saving ${shown.allowSave ? 'allowed' : 'not allowed'}`,
      ...events.map(
        ({ at, kind, n, signed }) =>
          `  ${formatTime(at)}  ${WORDS[kind]}${n === undefined ? '' : ` (view ${n})`}${kind === 'closed' ? SIGNED[signed ? 'yes' : 'no'] : ''}`,
      ),
    ],
  );
}

const SIGNED = { yes: ', signed by the viewer', no: ', WITHOUT a valid signature of the viewer' };

const WORDS: Record<GrantEvent['kind'], string> = {
  created: 'given',
  amended: 'changed by its owner',
  opened: 'key share released',
  closed: 'opened',
  'share-erased': 'ended: the cluster no longer holds its key share',
};
